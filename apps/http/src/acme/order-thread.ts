import { once } from "node:events";
import { Agent } from "node:https";
import { parentPort, workerData } from "node:worker_threads";
import { makeCertificateRequest } from "@posthouse/service";
import { type Authorization, axios, Client } from "acme-client";
import { assertIsDirectory } from "./directory-check.ts";
import type { OrderMessage, OrderTask, Presented } from "./order.ts";
import { problemOf } from "./problem.ts";

/** The thread of order.ts: acme-client, with time limits, and with its errors put in words. */
const task = workerData as OrderTask;
const port = parentPort ?? never("a thread");

const { defaults } = axios as unknown as {
  readonly defaults: {
    timeout: number;
    httpsAgent?: Agent;
    readonly acmeSettings: { retryMaxAttempts: number };
  };
};
defaults.timeout = task.requestMsMax;
if (task.authorities !== undefined) {
  defaults.httpsAgent = new Agent({ ca: [...task.authorities] });
}
// By itself it asks a server that is away for 75 s, and sleeps for the hours that a server which counts
// asks for: when to try again is for Renewal to decide, and the administrator is to be told why now.
defaults.acmeSettings.retryMaxAttempts = 0;

const remedies = {
  "http-01": "its A and AAAA records must lead here, and port 80 must be open",
  "tls-alpn-01": "its A and AAAA records must lead here, and port 443 must be open",
  "dns-01":
    "acme.dns_server must be the primary of its zone, and the others must hear of changes within acme.dns_wait_seconds",
} as const;

const tell = (message: OrderMessage) => port.postMessage(message);

try {
  await assertIsDirectory(task);
  tell({ type: "issued", chain: await order() });
} catch (error) {
  tell({ type: "failed", problem: problemOf(error, task.directoryUrl) });
}

/** RFC 8555 §7.1: account, order, authorizations, finalize, certificate. */
async function order(): Promise<string> {
  const client = new Client({
    directoryUrl: task.directoryUrl,
    accountKey: task.accountKey,
    backoffAttempts: 60,
    backoffMin: 500,
    backoffMax: 5000,
  });
  await client.createAccount({
    termsOfServiceAgreed: true,
    ...(task.contact !== undefined && { contact: [`mailto:${task.contact}`] }),
  });
  const placed = await client.createOrder({
    identifiers: task.names.map((value) => ({ type: "dns", value })),
  });
  // One by one: the first name that is not ours says so before the others are tried for nothing.
  for (const authorization of await client.getAuthorizations(placed)) {
    await prove(client, authorization);
  }
  // Of our own making: the library's CSR fails where npm has put two versions of asn1-schema side by side.
  const csr = makeCertificateRequest(task.names, task.certificateKey);
  return await client.getCertificate(await client.finalizeOrder(placed, csr));
}

async function prove(client: Client, authorization: Authorization): Promise<void> {
  const name = authorization.identifier.value;
  if (authorization.status === "valid") return;
  const challenge = authorization.challenges.find((one) => one.type === task.challenge);
  if (challenge === undefined) {
    throw new Error(`the ACME server does not offer to prove ${name} by ${task.challenge}`);
  }
  // Not the library's: of dns-01 and tls-alpn-01 that gives a digest already.
  const keyAuthorization = await keyAuthorizationOf(client, challenge.token);
  const presented = once(port, "message") as Promise<[Presented]>;
  tell({ type: "challenge", name, token: challenge.token, keyAuthorization });
  const [{ problem }] = await presented;
  if (problem !== undefined) throw new Error(problem);
  await client.completeChallenge(challenge);
  try {
    await client.waitForValidStatus(challenge);
  } catch (cause) {
    throw new Error(
      `the ACME server could not see that ${name} is this host: ${(cause as Error).message}; ${remedies[task.challenge]}`,
      { cause },
    );
  }
}

/** RFC 8555 §8.1, in the form that http-01 has. */
async function keyAuthorizationOf(client: Client, token: string): Promise<string> {
  const asHttp = { type: "http-01", token, url: "", status: "pending" } as const;
  return await client.getChallengeKeyAuthorization(asHttp);
}

function never(what: string): never {
  throw new Error(`This is ${what}`);
}
