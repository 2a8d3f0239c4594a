import assert from "node:assert/strict";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { limits } from "../src/limits.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

/** Reads one line after the other. */
function linesOf(socket: Duplex): () => Promise<string> {
  let text = "";
  return async () => {
    for (;;) {
      const end = text.indexOf("\r\n");
      if (end !== -1) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        return line;
      }
      const [piece] = (await once(socket, "data")) as [Buffer];
      text += piece.toString();
    }
  };
}

async function untilOk(next: () => Promise<string>): Promise<string> {
  for (;;) {
    const line = await next();
    if (/^(OK|NO|BYE)\b/.test(line)) return line;
  }
}

async function logIn(server: TestServer): Promise<Duplex & { answer(): Promise<string> }> {
  const socket = await server.connect();
  const next = linesOf(socket);
  await untilOk(next);
  socket.write('AUTHENTICATE "PLAIN" "AGFubgBzZWNyZXQ="\r\n');
  const answer = () => untilOk(next);
  return Object.assign(socket, { answer });
}

test("SCRAM's last message comes with the OK, so that no further round trip is needed", async () => {
  await using server = await startTestServer();
  const socket = await server.connect();
  const next = linesOf(socket);
  await untilOk(next);
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  socket.write(`AUTHENTICATE "SCRAM-SHA-256" "${base64("n,,n=ann,r=abc")}"\r\n`);
  const challenge = (await next()).replaceAll('"', "");
  const [, nonce = ""] = /^r=([^,]+),/.exec(Buffer.from(challenge, "base64").toString()) ?? [];
  const final = base64(`c=biws,r=${nonce},p=${base64("proof")}`);
  socket.write(`{${final.length}+}\r\n${final}\r\n`);
  assert.equal(await next(), `OK (SASL "${base64("v=c2lnbmVk")}") "Logged in"`);
  socket.destroy();
});

test("an account has so many sessions and no more, and one that ends makes room", async () => {
  await using server = await startTestServer();
  const sessions = [];
  for (let count = 0; count < limits.connectionsPerAccountMax; count += 1) {
    const session = await logIn(server);
    assert.equal(await session.answer(), 'OK "Logged in"');
    sessions.push(session);
  }
  const refused = await logIn(server);
  assert.equal(await refused.answer(), 'NO (TRYLATER) "Too many connections of this account"');
  sessions[0]?.write("LOGOUT\r\n");
  assert.equal(await sessions[0]?.answer(), 'OK "Good-bye"');
  refused.write('AUTHENTICATE "PLAIN" "AGFubgBzZWNyZXQ="\r\n');
  assert.equal(await refused.answer(), 'OK "Logged in"');
  for (const session of [...sessions, refused]) session.destroy();
});

test("a session ends with its login, and one that was left before hears nothing", async () => {
  await using server = await startTestServer();
  const left = await logIn(server);
  assert.equal(await left.answer(), 'OK "Logged in"');
  left.write("UNAUTHENTICATE\r\n");
  assert.match(await left.answer(), /^OK/);
  const session = await logIn(server);
  assert.equal(await session.answer(), 'OK "Logged in"');
  assert.equal(server.ends.size, 1);
  for (const end of server.ends) end();
  assert.equal(await session.answer(), 'BYE "Your login has ended: log in again"');
  left.write("NOOP\r\n");
  assert.match(await left.answer(), /^OK/);
  for (const socket of [left, session]) socket.destroy();
});

test("a server that shuts down says BYE to those that wait", async () => {
  await using server = await startTestServer();
  const session = await logIn(server);
  assert.equal(await session.answer(), 'OK "Logged in"');
  const closing = server.app.close();
  assert.equal(await session.answer(), 'BYE (TRYLATER) "The server is shutting down"');
  session.destroy();
  await closing;
});
