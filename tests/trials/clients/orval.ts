// orval with its fetch client; the address of the portal is in orval.config.cjs.
import * as api from "./generated/orval";
import type { Api } from "./scenario";

export function build(_portal: string, token: string): Api {
  const options = { headers: { Authorization: `Bearer ${token}` } };
  const required = { callingNumbers: ["+12025550100"] };
  return {
    createBatch: (batchName) => api.createBatch({ batchName, ...required }, options),
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
        { headers: { ...options.headers, "Idempotency-Key": batchName.replace(" ", "-") } },
      ),
    createBatchWithNulls: (batchName) =>
      api.createBatch({ batchName, ...required, retry: null, delay: null, timezone: null, callingHour: null, allowedDays: null }, options),
    changeBatch: (batchId) => api.changeBatch(batchId, { retry: 2 }, options),
    addCalls: (batchId, phoneNumber) => api.addCalls({ batchId, call_data: [{ phoneNumber, city: "Porto" }] }, options),
    listCalls: (batchId) => api.listCalls(batchId, { limit: 5 }, options),
    startCalling: (batchId, userId) => api.startCalling({ batchId, userId }, options),
    pauseCalling: (batchId, userId) => api.pauseCalling({ batchId, userId }, options),
    resumeCalling: (batchId, userId) => api.resumeCalling({ batchId, userId }, options),
    stopCalling: (batchId, userId) => api.stopCalling({ batchId, userId }, options),
    reportEvents: (batchId, phoneNumber) =>
      api.reportEvents({ events: [{ eventId: "1", batchId, phoneNumber, callStatus: "completed", occurredAt: null }] }, options),
    listBatches: (userId) =>
      api.listBatches(userId, { page: 1, limit: 10, status: ["pending", "stopped"], sortBy: "createdAt" }, options),
    exportBatches: () => api.exportCsv(undefined, options),
    exportCalls: (batchId) => api.exportCsv({ batchId }, options),
    upload: (userId, content) =>
      api.upload({
        file: new File([content], "contacts.csv"),
        userId,
        batchName: "From a file",
        callingNumbers: ["+12025550100", "+12025550101"],
        callingHour: { start: "09:00", end: "17:00" },
        allowedDays: [1, 2],
        type: true,
      }, options),
    deleteBatch: (batchId) => api.deleteBatch(batchId, options),
    restoreBatch: (batchId) => api.restoreBatch(batchId, options),
  };
}
