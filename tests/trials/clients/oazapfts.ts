// oazapfts with its runtime.
import * as api from "./generated/oazapfts";
import type { Api } from "./scenario";

export function build(portal: string, token: string): Api {
  api.defaults.baseUrl = portal;
  api.defaults.headers = { Authorization: `Bearer ${token}` };
  const required = { callingNumbers: ["+12025550100"] };
  return {
    createBatch: (batchName) => api.createBatch({ batchName, ...required }),
    createFullBatch: (batchName) =>
      api.createBatch(
        {
          batchName,
          ...required,
          retry: 1,
          delay: 60,
          timezone: "Europe/Lisbon",
          callingHour: { start: "09:00", end: "17:00" },
          allowedDays: [1, 2],
        },
        { idempotencyKey: batchName.replace(" ", "-") },
      ),
    createBatchWithNulls: (batchName) =>
      api.createBatch({ batchName, ...required, retry: null, delay: null, timezone: null, callingHour: null, allowedDays: null }),
    changeBatch: (batchId) => api.changeBatch(batchId, { retry: 2 }),
    addCalls: (batchId, phoneNumber) => api.addCalls({ batchId, call_data: [{ phoneNumber, city: "Porto" }] }),
    listCalls: (batchId) => api.listCalls(batchId, { limit: 5 }),
    startCalling: (batchId, userId) => api.startCalling({ batchId, userId }),
    pauseCalling: (batchId, userId) => api.pauseCalling({ batchId, userId }),
    resumeCalling: (batchId, userId) => api.resumeCalling({ batchId, userId }),
    stopCalling: (batchId, userId) => api.stopCalling({ batchId, userId }),
    reportEvents: (batchId, phoneNumber) =>
      api.reportEvents({ events: [{ eventId: "1", batchId, phoneNumber, callStatus: "completed", occurredAt: null }] }),
    listBatches: (userId) =>
      api.listBatches(userId, { page: 1, limit: 10, status: ["pending", "stopped"], sortBy: "createdAt" }),
    exportBatches: () => api.exportCsv(),
    exportCalls: (batchId) => api.exportCsv({ batchId }),
    upload: (userId, content) =>
      api.upload({
        file: new File([content], "contacts.csv"),
        userId,
        batchName: "From a file",
        callingNumbers: ["+12025550100", "+12025550101"],
        callingHour: { start: "09:00", end: "17:00" },
        allowedDays: [1, 2],
        type: true,
      }),
    deleteBatch: (batchId) => api.deleteBatch(batchId),
    restoreBatch: (batchId) => api.restoreBatch(batchId),
  };
}
