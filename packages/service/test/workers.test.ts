import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { statusSocketPath, TEST_TOML, testContext } from "@posthouse/service";
import { forkProgram } from "@posthouse/test-tools";

/** The app of workers-app.ts as a process, with two connections that it serves itself, and two of its worker. */
async function startApp() {
  const context = await testContext();
  await writeFile(
    join(context.directory, "posthouse.toml"),
    TEST_TOML.replaceAll("{directory}", context.directory),
  );
  const app = await forkProgram(join(import.meta.dirname, "workers-app.ts"), [
    "--data",
    context.directory,
  ]);
  const { child, exited, said } = app;
  const { addresses } = app.ready as { readonly addresses: readonly [{ readonly port: number }] };
  const [{ port }] = addresses;
  const get = (path: string) => ask(statusSocketPath(context.config.runDir, "pop3"), path);
  const first = await open(port);
  assert.equal(first.pid, child.pid);
  await open(port);
  await said(/Worker 1 serves with us/);
  const worker = await open(port);
  assert.notEqual(worker.pid, child.pid);
  assert.equal((await open(port)).pid, worker.pid);
  return {
    child,
    exited,
    said,
    get,
    first,
    worker,
    open: () => open(port),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
      await context[Symbol.asyncDispose]();
    },
  };
}

async function open(port: number) {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const next = async (): Promise<string | undefined> => (await lines.next()).value;
  return {
    socket,
    next,
    pid: Number(await next()),
    say: async (line: string) => {
      socket.write(`${line}\n`);
      return await next();
    },
  };
}

function ask(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, (response) => {
      Array.fromAsync(response).then((pieces) => resolve(pieces.join("")), reject);
    })
      .on("error", reject)
      .end();
  });
}

test("a parent and its worker are one app: counts, health, metrics, reload and end", async () => {
  await using app = await startApp();
  const { first, worker, child } = app;

  // What is counted for all is counted once.
  assert.equal(await first.say("hold a"), "held");
  assert.equal(await worker.say("hold a"), "held");
  assert.equal(await worker.say("hold a"), "no");
  assert.equal(await first.say("hold a"), "no");
  assert.equal(await worker.say("hold b"), "held");

  const health = JSON.parse(await app.get("/health"));
  assert.deepEqual(
    health.processes.map((one: { pid: number }) => one.pid),
    [child.pid, worker.pid],
  );
  assert.deepEqual(health.problems, [
    `Line of process ${child.pid}`,
    `Line of process ${worker.pid}`,
  ]);
  assert.match(await app.get("/metrics"), /posthouse_test_lines_total\{app="pop3"\} 5\n/);

  child.kill("SIGHUP");
  await app.said(new RegExp(`reloaded ${child.pid}`));
  await app.said(new RegExp(`reloaded ${worker.pid}`));
  assert.equal(await worker.say("reloads"), "1");

  child.kill("SIGTERM");
  assert.deepEqual(await Promise.all([first.next(), worker.next()]), ["bye", "bye"]);
  assert.deepEqual(await app.exited, [0, null]);
  assert.throws(() => process.kill(worker.pid, 0), { code: "ESRCH" });
});

test("a worker that is killed takes its own connections along, and nothing else", async () => {
  await using app = await startApp();
  const { first, worker, child } = app;
  assert.equal(await worker.say("hold a"), "held");
  assert.equal(await first.say("hold a"), "held");

  // It hangs, and is handed a connection; the one behind that is the parent's, which has fewer then.
  process.kill(worker.pid, "SIGSTOP");
  const handed = app.open();
  assert.equal((await app.open()).pid, child.pid);
  process.kill(worker.pid, "SIGKILL");
  await once(worker.socket, "close");
  await app.said(/Worker 1 of pop3 died \(SIGKILL\), with 2 connections/);
  assert.equal((await handed).pid, child.pid);
  assert.equal(await (await handed).say("hello"), "hello");

  // What it held is free again.
  assert.equal(await first.say("hold a"), "held");
  await app.said(/Worker 1 serves with us/);
  const next = await app.open();
  assert.notEqual(next.pid, child.pid);
  assert.notEqual(next.pid, worker.pid);
});

test("workers end with a parent that is killed", async () => {
  await using app = await startApp();
  app.child.kill("SIGKILL");
  assert.equal(await app.worker.next(), "bye");
});
