import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { freePort } from "@posthouse/test-tools";

test("a free port can be listened on, and is not one that the system gives to others", async () => {
  const port = await freePort();
  assert.ok(port >= 12_000 && port < 32_000);
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  server.close();
});
