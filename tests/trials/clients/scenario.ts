// The requests that every generated client sends, in an order in which all succeed.

export interface Answer {
  status: number;
  data?: unknown; // a 304 has none
}

// One function for each operation. `createBatch` sends required fields only, `createFullBatch` every field.
export interface Api {
  createBatch(name: string): Promise<Answer>;
  createFullBatch(name: string): Promise<Answer>;
  createBatchWithNulls(name: string): Promise<Answer>;
  changeBatch(batchId: string): Promise<Answer>;
  addCalls(batchId: string, phoneNumber: string): Promise<Answer>;
  listCalls(batchId: string): Promise<Answer>;
  startCalling(batchId: string, userId: string): Promise<Answer>;
  pauseCalling(batchId: string, userId: string): Promise<Answer>;
  resumeCalling(batchId: string, userId: string): Promise<Answer>;
  stopCalling(batchId: string, userId: string): Promise<Answer>;
  reportEvents(batchId: string, phoneNumber: string): Promise<Answer>;
  listBatches(userId: string): Promise<Answer>;
  exportBatches(): Promise<Answer>;
  exportCalls(batchId: string): Promise<Answer>;
  upload(userId: string, content: string): Promise<Answer>;
  deleteBatch(batchId: string): Promise<Answer>;
  restoreBatch(batchId: string): Promise<Answer>;
}

const PHONE_NUMBER = "+12025550101";
const MORE_THAN_A_PAGE = 12;

// Returns the first failure, or "".
export async function runScenario(api: Api, userId: string): Promise<string> {
  let batchId = "";
  for (let number = 0; number < MORE_THAN_A_PAGE; number += 1) {
    const created = await api.createBatch(`Batch ${number}`);
    if (created.status !== 201) return `createBatch: ${JSON.stringify(created)}`;
    batchId = (created.data as { data: string }).data;
  }
  const steps: [string, () => Promise<Answer>, number][] = [
    ["createBatch, every field", () => api.createFullBatch("Every field"), 201],
    ["createBatch, nulls", () => api.createBatchWithNulls("Nulls"), 201],
    ["changeBatch", () => api.changeBatch(batchId), 200],
    ["addCalls", () => api.addCalls(batchId, PHONE_NUMBER), 200],
    ["listCalls", () => api.listCalls(batchId), 200],
    ["startCalling", () => api.startCalling(batchId, userId), 200],
    ["pauseCalling", () => api.pauseCalling(batchId, userId), 200],
    ["resumeCalling", () => api.resumeCalling(batchId, userId), 200],
    ["stopCalling", () => api.stopCalling(batchId, userId), 200],
    ["reportEvents", () => api.reportEvents(batchId, PHONE_NUMBER), 200],
    ["listBatches", () => api.listBatches(userId), 200],
    ["exportCsv of calls", () => api.exportCalls(batchId), 200],
    ["upload", () => api.upload(userId, "phoneNumber,city\n+12025550102,Lisbon\n"), 200],
    ["deleteBatch", () => api.deleteBatch(batchId), 200],
    ["restoreBatch", () => api.restoreBatch(batchId), 200],
  ];
  for (const [name, send, status] of steps) {
    const answer = await send();
    if (answer.status !== status) return `${name}: ${JSON.stringify(answer)}`;
  }
  const batches = await api.exportBatches();
  const rows = String(batches.data).trim().split("\n").length - 1;
  if (rows !== MORE_THAN_A_PAGE + 3) return `exportCsv has ${rows} of ${MORE_THAN_A_PAGE + 3} batches`;
  return "";
}
