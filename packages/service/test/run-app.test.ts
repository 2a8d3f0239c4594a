import assert from "node:assert/strict";
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type RequestOptions, request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import {
  HANDED_CONFIG,
  handConfig,
  statusSocketPath,
  TEST_TOML,
  testContext,
} from "@posthouse/service";

async function forkApp(args: string[], file = "echo-app.ts") {
  const app = join(import.meta.dirname, file);
  const child = fork(app, args, { stdio: ["ignore", "pipe", "pipe", "ipc"], execArgv: [] });
  const output: string[] = [];
  child.stdout?.on("data", (text) => output.push(String(text)));
  child.stderr?.on("data", (text) => output.push(String(text)));
  return { child, output, exited: once(child, "exit") };
}

test("an app tells its supervisor where it serves, answers for its health, and ends on SIGTERM with 0", async () => {
  await using context = await testContext();
  await writeFile(
    join(context.directory, "posthouse.toml"),
    TEST_TOML.replaceAll("{directory}", context.directory),
  );
  const { child, exited } = await forkApp(["--data", context.directory]);
  const [ready] = await once(child, "message");
  assert.equal(ready.type, "ready");
  assert.equal(ready.addresses[0].name, "echo");

  const health = await get(statusSocketPath(context.config.runDir, "pop3"), "/health");
  assert.equal(JSON.parse(health).status, "ok");
  assert.match(
    await get(statusSocketPath(context.config.runDir, "pop3"), "/metrics"),
    /process_resident_memory_bytes/,
  );

  const status = statusSocketPath(context.config.runDir, "pop3");
  assert.equal(await put(status, "/log-level", "debug"), "debug\n");
  assert.equal(await get(status, "/log-level"), "debug\n");
  assert.match(await put(status, "/log-level", "loud"), /^A log level is debug, info/);
  assert.match(await put(status, "/log-level", "x".repeat(1_000_000)), /^A log level is/);
  assert.equal(await get(status, "/log-level"), "debug\n");

  child.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);
});

test("an app that is handed its configuration reads no file", async () => {
  await using context = await testContext();
  const { child, exited } = await forkApp([`--${HANDED_CONFIG}`]);
  handConfig(child, context.config);
  await once(child, "message");
  const health = await get(statusSocketPath(context.config.runDir, "pop3"), "/health");
  assert.equal(JSON.parse(health).status, "ok");
  child.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);
});

test("an app that drains has time for it where nobody supervises it, and a second signal ends it", async () => {
  await using context = await testContext();
  await writeFile(
    join(context.directory, "posthouse.toml"),
    TEST_TOML.replaceAll("{directory}", context.directory),
  );
  const app = join(import.meta.dirname, "echo-app.ts");
  const child = spawn(process.execPath, [app, "--data", context.directory]);
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const logged = (text: string) =>
    new Promise<void>((resolve) => {
      lines.on("line", (line) => line.includes(text) && resolve());
    });
  await logged("Serving");
  const draining = logged("what is under way has 60 s");
  child.kill("SIGTERM");
  await draining;
  child.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);
});

test("an app whose supervisor goes away ends by itself", async () => {
  await using context = await testContext();
  await writeFile(
    join(context.directory, "posthouse.toml"),
    TEST_TOML.replaceAll("{directory}", context.directory),
  );
  const { child, exited } = await forkApp(["--data", context.directory]);
  await once(child, "message");
  child.disconnect();
  assert.deepEqual(await exited, [0, null]);
});

test("a configuration that cannot be used is one line and exit code 78", async () => {
  await using context = await testContext();
  await writeFile(join(context.directory, "posthouse.toml"), "nonsense");
  const { output, exited } = await forkApp(["--data", context.directory]);
  assert.deepEqual(await exited, [78, null]);
  assert.equal(output.join("").trim().split("\n").length, 1);
});

test("an error that is marked for the operator is its sentence in the log, without a stack", async () => {
  await using context = await testContext();
  await writeFile(
    join(context.directory, "posthouse.toml"),
    TEST_TOML.replaceAll("{directory}", context.directory),
  );
  const { output, exited } = await forkApp(["--data", context.directory], "failing-app.ts");
  assert.deepEqual(await exited, [1, null]);
  const { msg, err } = JSON.parse(output.join(""));
  assert.equal(msg, "Cannot open the cellar: it is flooded");
  assert.equal(err, undefined);
});

test("what the system refuses names the path, without a stack", async () => {
  await using context = await testContext();
  const path = join(context.directory, "file");
  await writeFile(path, "");
  await writeFile(
    join(context.directory, "posthouse.toml"),
    `data_dir = "${context.directory}"\nrun_dir = "${path}/run"`,
  );
  const { output, exited } = await forkApp(["--data", context.directory]);
  assert.deepEqual(await exited, [1, null]);
  const { msg, err } = JSON.parse(output.join(""));
  assert.match(msg, /^Cannot start: .*file\/run/);
  assert.equal(err, undefined);
});

const get = (socketPath: string, path: string) => ask({ socketPath, path });
const put = (socketPath: string, path: string, body: string) =>
  ask({ socketPath, path, method: "PUT" }, body);

function ask(options: RequestOptions, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(options, (response) => {
      Array.fromAsync(response).then((pieces) => resolve(pieces.join("")), reject);
    })
      .on("error", reject)
      .end(body);
  });
}
