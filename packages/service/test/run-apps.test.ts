import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { HANDED_CONFIG, handConfig, testContext } from "@posthouse/service";

/** two-apps.ts as a process, and what it logs. */
async function forkPair() {
  const context = await testContext();
  const file = join(import.meta.dirname, "two-apps.ts");
  const child = fork(file, [`--${HANDED_CONFIG}`, "--loud"], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    execArgv: [],
  });
  const said: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    const { name, msg } = JSON.parse(line);
    said.push(`${name}: ${msg}`);
    for (const look of waiting) look();
  });
  const exited = once(child, "close");
  handConfig(child, context.config);
  const [ready] = await once(child, "message");
  return {
    child,
    ready,
    said,
    exited,
    heard: (text: string) =>
      new Promise<void>((resolve) => {
        const look = () => said.includes(text) && resolve();
        waiting.add(look);
        look();
      }),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
      await context[Symbol.asyncDispose]();
    },
  };
}

test("several apps in one process have one life, each under its own name", async () => {
  await using pair = await forkPair();
  assert.deepEqual(
    pair.ready.addresses.map(({ app }: { app: string }) => app),
    ["auth", "pop3"],
  );
  await pair.heard("pair: READY");
  pair.child.kill("SIGHUP");
  await pair.heard("pair: Read certificates again");
  pair.child.kill("SIGTERM");
  assert.deepEqual(await pair.exited, [0, null]);
  const order = ["auth: reloaded", "pop3: reloaded", "pop3: ended", "auth: ended", "pair: closed"];
  assert.deepEqual(
    pair.said.filter((line) => order.includes(line)),
    order,
  );
});

test("an error that nobody foresaw in one app ends the process", async () => {
  await using pair = await forkPair();
  connect(pair.ready.addresses[1].port, "127.0.0.1")
    .on("error", () => {})
    .write("x");
  assert.deepEqual(await pair.exited, [70, null]);
  assert.ok(pair.said.includes("pair: Stopping after an error that nobody foresaw"));
});
