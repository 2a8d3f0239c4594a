import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { ListenError, listen, testContext } from "@posthouse/service";

test("a taken port is one sentence that says what to do", async () => {
  const first = createServer();
  const second = createServer();
  const { port } = await listen("imap", first, { address: "127.0.0.1", port: 0 });
  await assert.rejects(
    listen("imap", second, { address: "127.0.0.1", port: port ?? 0 }),
    (error) =>
      error instanceof ListenError &&
      error.message.includes(
        `Cannot listen for imap on 127.0.0.1 port ${port}: another program has it`,
      ),
  );
  first.close();
});

test("a socket file that nobody answers on is replaced, one in use is not", async () => {
  await using context = await testContext();
  const socketPath = join(context.directory, "x.sock");
  await writeFile(socketPath, "");
  const first = createServer((socket) => socket.end());
  await listen("auth", first, { socketPath });
  await assert.rejects(listen("auth", createServer(), { socketPath }), /another auth is running/);
  await new Promise((resolve) => first.close(resolve));
});

test("a socket path that the kernel cannot hold is refused with the reason", async () => {
  await assert.rejects(
    listen("auth", createServer(), { socketPath: `/tmp/${"x".repeat(110)}` }),
    /longer than 107 octets/,
  );
});
