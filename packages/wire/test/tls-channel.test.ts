import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { ConnectionLost, WireConnection } from "@posthouse/wire";
import fc from "fast-check";
import { mailNames } from "../src/tls-channel.ts";

test("mailNames() takes no address out of another name", () => {
  assert.deepEqual(mailNames("DNS:a.example, email:ann@example.org, email:b@example.org"), [
    "ann@example.org",
    "b@example.org",
  ]);
  assert.deepEqual(mailNames('DNS:"a, email:ann@example.org, b"'), []);
  assert.deepEqual(mailNames('email:"ann@example.org, x"'), []);
  assert.deepEqual(mailNames("DNS:a, what is this"), []);
  assert.deepEqual(mailNames(""), []);
});

test("mailNames() ends for any text", () => {
  fc.assert(fc.property(fc.string(), (text) => Array.isArray(mailNames(text))));
});

test("a client that stops inside the handshake loses its connection, though octets drip", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  const wire = new WireConnection(socket, { idleMs: 0, handshakeMs: 50 });
  client.on("error", () => {});
  client.write(Buffer.from([0x16, 0x03, 0x01]));
  await assert.rejects(wire.startTls({}), ConnectionLost);
  assert.ok(wire.isClosed);
  client.destroy();
  server.close();
});
