// Runs the scenario with one client: `node main.js CLIENT`. Prints the first failure, and exits with 1 for it.
import * as heyApi from "./hey-api";
import * as oazapfts from "./oazapfts";
import * as openapiTypescript from "./openapi-typescript";
import * as orval from "./orval";
import { runScenario } from "./scenario";

const CLIENTS = { "hey-api": heyApi, oazapfts, "openapi-typescript": openapiTypescript, orval };

async function main(): Promise<void> {
  const { PORTAL = "", TOKEN = "", USER_ID = "" } = process.env;
  const client = CLIENTS[process.argv[2] as keyof typeof CLIENTS];
  const failure = await runScenario(client.build(PORTAL, TOKEN), USER_ID);
  if (failure) {
    console.error(failure);
    process.exitCode = 1;
  }
}

void main();
