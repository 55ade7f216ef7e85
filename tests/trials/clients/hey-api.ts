// @hey-api/openapi-ts with its fetch client.
import * as sdk from "./generated/hey-api";
import { client } from "./generated/hey-api/client.gen";
import type { Answer, Api } from "./scenario";

type Fetched = { data?: unknown; error?: unknown; response?: Response };

export function build(portal: string, token: string): Api {
  client.setConfig({ baseUrl: portal, auth: () => token });
  const answer = ({ data, error, response }: Fetched): Answer => ({ status: response?.status ?? 0, data: data ?? error });
  const required = { callingNumbers: ["+12025550100"] };
  return {
    createBatch: async (batchName) => answer(await sdk.createBatch({ body: { batchName, ...required } })),
    createFullBatch: async (batchName) =>
      answer(
        await sdk.createBatch({
          headers: { "Idempotency-Key": batchName.replace(" ", "-") },
          body: {
            batchName,
            ...required,
            retry: 1,
            delay: 60,
            timezone: "Europe/Lisbon",
            callingHour: { start: "09:00", end: "17:00" },
            allowedDays: [1, 2],
          },
        }),
      ),
    createBatchWithNulls: async (batchName) =>
      answer(
        await sdk.createBatch({
          body: { batchName, ...required, retry: null, delay: null, timezone: null, callingHour: null, allowedDays: null },
        }),
      ),
    changeBatch: async (batchId) => answer(await sdk.changeBatch({ path: { batchId }, body: { retry: 2 } })),
    addCalls: async (batchId, phoneNumber) =>
      answer(await sdk.addCalls({ body: { batchId, call_data: [{ phoneNumber, city: "Porto" }] } })),
    listCalls: async (batchId) => answer(await sdk.listCalls({ path: { batchId }, query: { limit: 5 } })),
    startCalling: async (batchId, userId) => answer(await sdk.startCalling({ body: { batchId, userId } })),
    pauseCalling: async (batchId, userId) => answer(await sdk.pauseCalling({ body: { batchId, userId } })),
    resumeCalling: async (batchId, userId) => answer(await sdk.resumeCalling({ body: { batchId, userId } })),
    stopCalling: async (batchId, userId) => answer(await sdk.stopCalling({ body: { batchId, userId } })),
    reportEvents: async (batchId, phoneNumber) =>
      answer(
        await sdk.reportEvents({
          body: { events: [{ eventId: "1", batchId, phoneNumber, callStatus: "completed", occurredAt: null }] },
        }),
      ),
    listBatches: async (userId) =>
      answer(
        await sdk.listBatches({
          path: { userId },
          query: { page: 1, limit: 10, status: ["pending", "stopped"], sortBy: "createdAt" },
        }),
      ),
    exportBatches: async () => answer(await sdk.exportCsv({ parseAs: "text" })),
    exportCalls: async (batchId) => answer(await sdk.exportCsv({ query: { batchId }, parseAs: "text" })),
    upload: async (userId, content) =>
      answer(
        await sdk.upload({
          body: {
            file: new File([content], "contacts.csv"),
            userId,
            batchName: "From a file",
            callingNumbers: ["+12025550100", "+12025550101"],
            callingHour: { start: "09:00", end: "17:00" },
            allowedDays: [1, 2],
            type: true,
          },
        }),
      ),
    deleteBatch: async (batchId) => answer(await sdk.deleteBatch({ path: { batchId } })),
    restoreBatch: async (batchId) => answer(await sdk.restoreBatch({ path: { batchId } })),
  };
}
