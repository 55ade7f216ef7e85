// orval with its fetch client; the address of the portal is in orval.config.cjs.
import * as api from "./generated/orval";
import type { Api, CallEvent, Complete, NewBatch, UploadFields } from "./scenario";

export function build(_portal: string, token: string): Api {
  const options = { headers: { Authorization: `Bearer ${token}` } };
  return {
    createBatch: (body: Complete<NewBatch, api.NewBatch>, key?: string) =>
      api.createBatch(body, { headers: { ...options.headers, ...(key && { "Idempotency-Key": key }) } }),
    changeBatch: (batchId) => api.changeBatch(batchId, { retry: 2 }, options),
    addCalls: (batchId, phoneNumber) => api.addCalls({ batchId, call_data: [{ phoneNumber, city: "Porto" }] }, options),
    listCalls: (batchId) => api.listCalls(batchId, { limit: 5 }, options),
    startCalling: (batchId, userId) => api.startCalling({ batchId, userId }, options),
    pauseCalling: (batchId, userId) => api.pauseCalling({ batchId, userId }, options),
    resumeCalling: (batchId, userId) => api.resumeCalling({ batchId, userId }, options),
    stopCalling: (batchId, userId) => api.stopCalling({ batchId, userId }, options),
    reportEvents: (event: Complete<CallEvent, api.CallEventBody>) => api.reportEvents({ events: [event] }, options),
    listBatches: (userId) =>
      api.listBatches(userId, { page: 1, limit: 10, status: ["pending", "stopped"], sortBy: "createdAt" }, options),
    exportBatches: () => api.exportCsv(undefined, options),
    exportCalls: (batchId) => api.exportCsv({ batchId }, options),
    upload: (fields: Complete<UploadFields, api.UploadFields>, content: string) =>
      api.upload({ file: new File([content], "contacts.csv"), ...fields }, options),
    deleteBatch: (batchId) => api.deleteBatch(batchId, options),
    restoreBatch: (batchId) => api.restoreBatch(batchId, options),
  };
}
