import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LmtpPool, SmtpConnectionError } from "@posthouse/smtp";
import { message } from "./example-message.ts";

/** Answers every command, and keeps what a test needs to disturb it. */
async function lmtpSocket() {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-lmtp-"));
  const socketPath = join(directory, "lmtp.sock");
  const connections: Socket[] = [];
  const farewell: { line?: string } = {};
  const server = createServer((socket) => {
    connections.push(socket.on("error", () => undefined));
    socket.write("220 lmtp\r\n");
    let isData = false;
    socket.on("data", (octets: Buffer) => {
      for (const line of octets.toString("latin1").split("\r\n").slice(0, -1)) {
        if (isData && line !== ".") continue;
        if (line.startsWith("MAIL") && farewell.line !== undefined) {
          socket.end(`${farewell.line}\r\n`);
          delete farewell.line;
          return;
        }
        if (line.startsWith("LHLO")) socket.write("250-lmtp\r\n250 PIPELINING\r\n");
        else if (line === "QUIT") socket.end("221 Bye\r\n");
        else socket.write(line === "DATA" ? "354 Go\r\n" : "250 Ok\r\n");
        isData = line === "DATA";
      }
    });
  });
  server.listen(socketPath);
  await once(server, "listening");
  return {
    socketPath,
    connections,
    farewell,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const poolFor = (socketPath: string, sizeMax = 4): LmtpPool =>
  new LmtpPool({ socketPath, heloName: "in.test", sizeMax, idleMs: 60_000 });

const deliver = (pool: LmtpPool): Promise<number | undefined> =>
  pool.use(async (session) => (await session.send(message())).recipients[0]?.reply.code);

test("use() gives a warm session again, and a new one only when all are in use", async () => {
  await using server = await lmtpSocket();
  await using pool = poolFor(server.socketPath);
  for (let time = 0; time < 3; time += 1) assert.equal(await deliver(pool), 250);
  assert.equal(server.connections.length, 1);
  await Promise.all([deliver(pool), deliver(pool)]);
  assert.equal(server.connections.length, 2);
});

test("no more than sizeMax sessions are open, and the others wait for their turn", async () => {
  await using server = await lmtpSocket();
  await using pool = poolFor(server.socketPath, 2);
  const codes = await Promise.all(Array.from({ length: 20 }, () => deliver(pool)));
  assert.equal(codes.filter((code) => code === 250).length, 20);
  assert.ok(server.connections.length <= 2);
});

test("a warm session that the server has closed is not used", async () => {
  await using server = await lmtpSocket();
  await using pool = poolFor(server.socketPath);
  await deliver(pool);
  const [socket] = server.connections;
  socket?.end();
  assert.equal(await deliver(pool), 250);
  assert.equal(server.connections.length, 2);
});

for (const line of ["421 4.4.2 Idle for too long", ""]) {
  test(`a warm session that ends at MAIL with "${line}" is replaced once, and the message goes`, async () => {
    await using server = await lmtpSocket();
    await using pool = poolFor(server.socketPath);
    await deliver(pool);
    server.farewell.line = line;
    if (line === "") server.connections[0]?.once("data", () => server.connections[0]?.destroy());
    assert.equal(await deliver(pool), 250);
    assert.equal(server.connections.length, 2);
  });
}

test("what fails on a new session is not tried again", async () => {
  await using server = await lmtpSocket();
  await using pool = poolFor(server.socketPath);
  server.farewell.line = "421 4.3.2 Going down";
  assert.equal(await deliver(pool), 421);
  assert.equal(server.connections.length, 1);
});

test("a socket that is not there is an error in phase connect, and the pool goes on", async () => {
  await using pool = poolFor("/nowhere/lmtp.sock", 1);
  for (let time = 0; time < 2; time += 1) {
    await assert.rejects(deliver(pool), (error) => {
      assert.ok(error instanceof SmtpConnectionError);
      return error.phase === "connect";
    });
  }
});
