import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "../e2e/program.ts";
import type { Suite } from "../e2e/suite.ts";
import { IdleClient, type IdleMode, inParallel, sourceAddress } from "./idle-client.ts";

const CLIENTS = 100;

/** Everybody comes at once: what that does to those who are there already, and how long they wait themselves. */
export async function* measureStorms(
  suite: Suite,
  userOf: (number: number) => string,
  password: string,
): AsyncGenerator<readonly string[]> {
  const bystander = new Bystander(await open("tls", 1_999));
  try {
    // Nobody has logged in since apps/auth began.
    const cold = await bystander.during(() => storm("tls", "SELECT INBOX"));
    yield ["100 accounts, cold caches: all in after, ms", cold.result.toFixed(0), "3000"];
    yield ["... a bystander waits at most, ms", cold.worst, "50"];
    for (const mode of ["plain", "tls", "tls and deflate"] as const) {
      const again = await bystander.during(() => storm(mode, "SELECT INBOX"));
      yield [`100 clients reconnect, ${mode}: all in after, ms`, again.result.toFixed(0), ""];
      yield [`... a bystander waits at most, ms`, again.worst, "50"];
    }
  } finally {
    await bystander.leave();
  }
  const hashes = await hashesOf(suite);
  process.kill(await suite.pidOf("imap"), "SIGTERM");
  await delay(2_000);
  const again = await storm("tls", "SELECT INBOX");
  yield ["100 clients after imap began anew: all in after, ms", again.toFixed(0), ""];
  yield ["... hashes computed for them", String((await hashesOf(suite)) - hashes), "0"];

  function open(mode: IdleMode, number: number): Promise<IdleClient> {
    return IdleClient.open({
      port: suite.portOf(mode === "plain" ? "imap" : "imaps"),
      mode,
      localAddress: sourceAddress(number),
      user: userOf(number),
      password,
    });
  }

  async function storm(mode: IdleMode, command: string): Promise<number> {
    const startMs = performance.now();
    let endMs = startMs;
    await inParallel(CLIENTS, CLIENTS, async (number) => {
      const client = await open(mode, number);
      await client.command(command);
      endMs = performance.now();
      client.close();
    });
    return endMs - startMs;
  }
}

/** Somebody who works on while the others come. */
class Bystander {
  readonly #client: IdleClient;

  constructor(client: IdleClient) {
    this.#client = client;
  }

  async during<Result>(
    work: () => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly worst: string }> {
    await this.#client.command("SELECT INBOX");
    let isOver = false;
    const waited: number[] = [];
    const working = (async () => {
      for (let turn = 0; !isOver; turn += 1) {
        const startMs = performance.now();
        await this.#client.command(turn % 2 === 0 ? "NOOP" : "FETCH 1:20 (FLAGS)");
        waited.push(performance.now() - startMs);
        await delay(2);
      }
    })();
    const result = await work();
    isOver = true;
    await working;
    waited.sort((one, other) => one - other);
    const median = waited[waited.length >> 1] ?? NaN;
    return { result, worst: `${waited.at(-1)?.toFixed(0)} (median ${median.toFixed(1)})` };
  }

  async leave(): Promise<void> {
    await this.#client.command("LOGOUT");
    this.#client.close();
  }
}

/** Password checks that were computed and not remembered. */
async function hashesOf(suite: Suite): Promise<number> {
  const socket = join(suite.directory, "run", "auth.status.sock");
  const { stdout } = await run("curl", ["--silent", "--unix-socket", socket, "http://app/metrics"]);
  return Number(/^posthouse_auth_hashes_total\{[^}]*\} (\S+)/m.exec(stdout)?.[1] ?? NaN);
}
