// @hey-api/openapi-ts with its fetch client.
import * as sdk from "./generated/hey-api";
import { client } from "./generated/hey-api/client.gen";
import type { Answer, Api, CallEvent, Complete, NewBatch, UploadFields } from "./scenario";

type Fetched = { data?: unknown; error?: unknown; response?: Response };

export function build(portal: string, token: string): Api {
  client.setConfig({ baseUrl: portal, auth: () => token });
  const answer = ({ data, error, response }: Fetched): Answer => ({ status: response?.status ?? 0, data: data ?? error });
  return {
    createBatch: async (body: Complete<NewBatch, sdk.NewBatch>, key?: string) =>
      answer(await sdk.createBatch({ headers: { "Idempotency-Key": key }, body })),
    changeBatch: async (batchId) => answer(await sdk.changeBatch({ path: { batchId }, body: { retry: 2 } })),
    addCalls: async (batchId, phoneNumber) =>
      answer(await sdk.addCalls({ body: { batchId, call_data: [{ phoneNumber, city: "Porto" }] } })),
    listCalls: async (batchId) => answer(await sdk.listCalls({ path: { batchId }, query: { limit: 5 } })),
    startCalling: async (batchId, userId) => answer(await sdk.startCalling({ body: { batchId, userId } })),
    pauseCalling: async (batchId, userId) => answer(await sdk.pauseCalling({ body: { batchId, userId } })),
    resumeCalling: async (batchId, userId) => answer(await sdk.resumeCalling({ body: { batchId, userId } })),
    stopCalling: async (batchId, userId) => answer(await sdk.stopCalling({ body: { batchId, userId } })),
    reportEvents: async (event: Complete<CallEvent, sdk.CallEventBody>) =>
      answer(await sdk.reportEvents({ body: { events: [event] } })),
    listBatches: async (userId) =>
      answer(
        await sdk.listBatches({
          path: { userId },
          query: { page: 1, limit: 10, status: ["pending", "stopped"], sortBy: "createdAt" },
        }),
      ),
    exportBatches: async () => answer(await sdk.exportCsv({ parseAs: "text" })),
    exportCalls: async (batchId) => answer(await sdk.exportCsv({ query: { batchId }, parseAs: "text" })),
    upload: async (fields: Complete<UploadFields, sdk.UploadFields>, content: string) =>
      answer(await sdk.upload({ body: { file: new File([content], "contacts.csv"), ...fields } })),
    deleteBatch: async (batchId) => answer(await sdk.deleteBatch({ path: { batchId } })),
    restoreBatch: async (batchId) => answer(await sdk.restoreBatch({ path: { batchId } })),
  };
}
