// oazapfts with its runtime. Its types of bodies have no names.
import * as api from "./generated/oazapfts";
import type { Api, CallEvent, Complete, NewBatch, UploadFields } from "./scenario";

type Body<Operation extends (body: never) => unknown> = Parameters<Operation>[0];

export function build(portal: string, token: string): Api {
  api.defaults.baseUrl = portal;
  api.defaults.headers = { Authorization: `Bearer ${token}` };
  return {
    createBatch: (body: Complete<NewBatch, Body<typeof api.createBatch>>, idempotencyKey?: string) =>
      api.createBatch(body, { idempotencyKey }),
    changeBatch: (batchId) => api.changeBatch(batchId, { retry: 2 }),
    addCalls: (batchId, phoneNumber) => api.addCalls({ batchId, call_data: [{ phoneNumber, city: "Porto" }] }),
    listCalls: (batchId) => api.listCalls(batchId, { limit: 5 }),
    startCalling: (batchId, userId) => api.startCalling({ batchId, userId }),
    pauseCalling: (batchId, userId) => api.pauseCalling({ batchId, userId }),
    resumeCalling: (batchId, userId) => api.resumeCalling({ batchId, userId }),
    stopCalling: (batchId, userId) => api.stopCalling({ batchId, userId }),
    reportEvents: (event: Complete<CallEvent, Body<typeof api.reportEvents>["events"][number]>) =>
      api.reportEvents({ events: [event] }),
    listBatches: (userId) =>
      api.listBatches(userId, { page: 1, limit: 10, status: ["pending", "stopped"], sortBy: "createdAt" }),
    exportBatches: () => api.exportCsv(),
    exportCalls: (batchId) => api.exportCsv({ batchId }),
    upload: (fields: Complete<UploadFields, Body<typeof api.upload>>, content: string) =>
      api.upload({ file: new File([content], "contacts.csv"), ...fields }),
    deleteBatch: (batchId) => api.deleteBatch(batchId),
    restoreBatch: (batchId) => api.restoreBatch(batchId),
  };
}
