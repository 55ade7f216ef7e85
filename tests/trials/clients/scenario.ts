// The requests that every generated client sends, in an order in which all succeed. The types of openapi-typescript,
// which describe the document and nothing else, check the bodies.
import type { components } from "./generated/openapi-typescript";

type Schemas = components["schemas"];
export type NewBatch = Schemas["NewBatch"];
export type CallEvent = Schemas["CallEventBody"];
export type UploadFields = Omit<Schemas["UploadFields"], "file">;

// A body as a generated client must accept it: code does not compile if the generated type lacks one of its fields, or
// of the fields of its objects and items.
export type Complete<Body, Generated> = HasFields<Body, Generated> extends true ? Body : never;

type HasFields<Body, Generated> = HasFieldsOf<NonNullable<Body>, NonNullable<Generated>>;
type HasFieldsOf<Body, Generated> = Body extends readonly (infer Item)[]
  ? Generated extends readonly (infer Other)[] ? HasFields<Item, Other> : false
  : Body extends object
    ? Exclude<keyof Body, keyof Generated> extends never
      ? false extends { [Name in keyof Body]-?: HasFields<Body[Name], Generated[Name & keyof Generated]> }[keyof Body] ? false : true
      : false
    : true;

export interface Answer {
  status: number;
  data?: unknown; // a 304 has none
}

// One function for each operation.
export interface Api {
  createBatch: (body: NewBatch, idempotencyKey?: string) => Promise<Answer>;
  changeBatch: (batchId: string) => Promise<Answer>;
  addCalls: (batchId: string, phoneNumber: string) => Promise<Answer>;
  listCalls: (batchId: string) => Promise<Answer>;
  startCalling: (batchId: string, userId: string) => Promise<Answer>;
  pauseCalling: (batchId: string, userId: string) => Promise<Answer>;
  resumeCalling: (batchId: string, userId: string) => Promise<Answer>;
  stopCalling: (batchId: string, userId: string) => Promise<Answer>;
  reportEvents: (event: CallEvent) => Promise<Answer>;
  listBatches: (userId: string) => Promise<Answer>;
  exportBatches: () => Promise<Answer>;
  exportCalls: (batchId: string) => Promise<Answer>;
  upload: (fields: UploadFields, content: string) => Promise<Answer>;
  deleteBatch: (batchId: string) => Promise<Answer>;
  restoreBatch: (batchId: string) => Promise<Answer>;
}

const PHONE_NUMBER = "+12025550101";
const MORE_THAN_A_PAGE = 12;
const CALLER_IDS = { callingNumbers: ["+12025550100"] };
const EVERY_FIELD: NewBatch = {
  batchName: "Every field",
  ...CALLER_IDS,
  retry: 1,
  delay: 60,
  timezone: "Europe/Lisbon",
  callingHour: { start: "09:00", end: "17:00" },
  allowedDays: [1, 2],
};
const NULLS: NewBatch = {
  batchName: "Nulls",
  ...CALLER_IDS,
  retry: null,
  delay: null,
  timezone: null,
  callingHour: null,
  allowedDays: null,
};
const EVENT: CallEvent = { eventId: "1", phoneNumber: PHONE_NUMBER, callStatus: "completed", occurredAt: null };
const UPLOAD = {
  batchName: "From a file",
  callingNumbers: ["+12025550100", "+12025550101"],
  callingHour: { start: "09:00", end: "17:00" },
  allowedDays: [1, 2],
  type: true,
};
const FILE = "phoneNumber,city\n+12025550102,Lisbon\n";

// Returns the first failure, or "".
export async function runScenario(api: Api, userId: string): Promise<string> {
  let batchId = "";
  for (let number = 0; number < MORE_THAN_A_PAGE; number += 1) {
    const created = await api.createBatch({ batchName: `Batch ${number}`, ...CALLER_IDS });
    if (created.status !== 201) return `createBatch: ${JSON.stringify(created)}`;
    batchId = (created.data as { data: string }).data;
  }
  const steps: [string, () => Promise<Answer>, number][] = [
    ["createBatch, every field", () => api.createBatch(EVERY_FIELD, "every-field"), 201],
    ["createBatch, nulls", () => api.createBatch(NULLS), 201],
    ["changeBatch", () => api.changeBatch(batchId), 200],
    ["addCalls", () => api.addCalls(batchId, PHONE_NUMBER), 200],
    ["listCalls", () => api.listCalls(batchId), 200],
    ["startCalling", () => api.startCalling(batchId, userId), 200],
    ["pauseCalling", () => api.pauseCalling(batchId, userId), 200],
    ["resumeCalling", () => api.resumeCalling(batchId, userId), 200],
    ["stopCalling", () => api.stopCalling(batchId, userId), 200],
    ["reportEvents", () => api.reportEvents({ ...EVENT, batchId }), 200],
    ["listBatches", () => api.listBatches(userId), 200],
    ["exportCsv of calls", () => api.exportCalls(batchId), 200],
    ["upload", () => api.upload({ ...UPLOAD, userId }, FILE), 200],
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
