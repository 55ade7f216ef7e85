// openapi-typescript's types with openapi-fetch.
import createClient from "openapi-fetch";

import type { components, paths } from "./generated/openapi-typescript";
import type { Answer, Api } from "./scenario";

type Fetched = { data?: unknown; error?: unknown; response: Response };

export function build(portal: string, token: string): Api {
  const client = createClient<paths>({ baseUrl: portal, headers: { Authorization: `Bearer ${token}` } });
  const answer = ({ data, error, response }: Fetched): Answer => ({ status: response.status, data: data ?? error });
  const bodySerializer = (fields: components["schemas"]["UploadFields"]) => {
    const form = new FormData();
    form.append("file", new Blob([fields.file]), "contacts.csv");
    form.append("userId", fields.userId);
    form.append("batchName", fields.batchName);
    for (const number of fields.callingNumbers) form.append("callingNumbers", number);
    for (const day of fields.allowedDays ?? []) form.append("allowedDays", String(day));
    form.append("callingHour", JSON.stringify(fields.callingHour));
    form.append("type", String(fields.type));
    return form;
  };
  return {
    createBatch: async (body, key) =>
      answer(await client.POST("/api/call/createBatch", { params: { header: { "Idempotency-Key": key } }, body })),
    changeBatch: async (batchId) =>
      answer(await client.PATCH("/api/call/batch/{batchId}", { params: { path: { batchId } }, body: { retry: 2 } })),
    addCalls: async (batchId, phoneNumber) =>
      answer(await client.POST("/api/call/addCallsToBatch", { body: { batchId, call_data: [{ phoneNumber, city: "Porto" }] } })),
    listCalls: async (batchId) =>
      answer(await client.GET("/api/call/batch-details/{batchId}", { params: { path: { batchId }, query: { limit: 5 } } })),
    startCalling: async (batchId, userId) => answer(await client.POST("/api/call/start-calling", { body: { batchId, userId } })),
    pauseCalling: async (batchId, userId) => answer(await client.POST("/api/call/pause-calling", { body: { batchId, userId } })),
    resumeCalling: async (batchId, userId) => answer(await client.POST("/api/call/resume-calling", { body: { batchId, userId } })),
    stopCalling: async (batchId, userId) => answer(await client.POST("/api/call/stop-calling", { body: { batchId, userId } })),
    reportEvents: async (event) => answer(await client.POST("/api/call/call-events", { body: { events: [event] } })),
    listBatches: async (userId) =>
      answer(
        await client.GET("/api/call/batches/{userId}", {
          params: { path: { userId }, query: { page: 1, limit: 10, status: ["pending", "stopped"], sortBy: "createdAt" } },
        }),
      ),
    exportBatches: async () => answer(await client.GET("/api/call/export/csv", { parseAs: "text" })),
    exportCalls: async (batchId) =>
      answer(await client.GET("/api/call/export/csv", { params: { query: { batchId } }, parseAs: "text" })),
    upload: async (fields, content) =>
      answer(await client.POST("/api/call/upload", { body: { file: content, ...fields }, bodySerializer })),
    deleteBatch: async (batchId) => answer(await client.DELETE("/api/call/delete-batch/{batchId}", { params: { path: { batchId } } })),
    restoreBatch: async (batchId) => answer(await client.POST("/api/call/restore-batch/{batchId}", { params: { path: { batchId } } })),
  };
}
