import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { chunksOf, piecesOf } from "../../src/client/message-chunks.ts";
import { connectTo, message, octetsOf } from "./example-message.ts";
import { listening } from "./scripted-server.ts";

interface BdatServer {
  readonly server: Server;
  readonly port: number;
  /** The sizes of all chunks, the last negative. */
  readonly chunks: number[];
  readonly octets: () => Buffer;
  readonly connected: Promise<Socket>;
}

/** Takes BDAT as RFC 3030 §2 says; `refuse` gives the reply to the chunk of that number. */
async function bdatServer(refuse: Record<number, string> = {}): Promise<BdatServer> {
  const chunks: number[] = [];
  const taken: Buffer[] = [];
  const { promise: connected, resolve } = Promise.withResolvers<Socket>();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    resolve(socket);
    socket.write("220 mx\r\n");
    let buffered: Buffer = Buffer.alloc(0);
    let left = 0;
    const takeOctets = (): void => {
      const now = buffered.subarray(0, left);
      taken.push(now);
      left -= now.length;
      buffered = buffered.subarray(now.length);
      if (left === 0) socket.write(`${refuse[chunks.length] ?? "250 Ok"}\r\n`);
    };
    const takeLine = (line: string): void => {
      const bdat = /^BDAT (\d+)( LAST)?$/.exec(line);
      if (bdat !== null) {
        left = Number(bdat[1]);
        chunks.push(bdat[2] === undefined ? left : -left);
        takeOctets();
      } else if (line.startsWith("EHLO"))
        socket.write("250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
      else if (line === "QUIT") socket.end("221 Bye\r\n");
      else socket.write("250 Ok\r\n");
    };
    socket.on("data", (octets: Buffer) => {
      buffered = Buffer.concat([buffered, octets]);
      for (;;) {
        const end = buffered.indexOf("\r\n");
        if (left > 0 && buffered.length > 0) takeOctets();
        else if (left === 0 && end >= 0) {
          const line = buffered.toString("latin1", 0, end);
          buffered = buffered.subarray(end + 2);
          takeLine(line);
        } else return;
      }
    });
  });
  const port = await listening(server);
  return { server, port, chunks, octets: () => Buffer.concat(taken), connected };
}

const KiB = 1024;

test("a large message that is sent at once is one chunk behind its envelope, octet for octet", async () => {
  const peer = await bdatServer();
  const ascii = Buffer.alloc(900 * KiB, ".\r\nhello");
  const session = await connectTo(peer.port);
  const atOnce = { sizeBytes: ascii.length, isSentAtOnce: true };
  const sent = await session.send(message({ octets: octetsOf(ascii), ...atOnce }));
  assert.equal(sent.recipients[0]?.reply.code, 250);
  assert.deepEqual(peer.chunks, [-900 * KiB]);
  assert.ok(peer.octets().equals(ascii));
  await session.quit();
  peer.server.close();
});

for (const sizeBytes of [1, 300 * KiB - 1, 300 * KiB + 1]) {
  test(`of a message of 300 KiB that is said to have ${sizeBytes} octets nothing goes out as commands`, async () => {
    const peer = await bdatServer();
    const session = await connectTo(peer.port);
    const octets = octetsOf(Buffer.alloc(300 * KiB, "NOOP\r\n"));
    await assert.rejects(
      session.send(message({ octets, sizeBytes, isSentAtOnce: true })),
      RangeError,
    );
    assert.equal(session.isUsable, false);
    assert.ok(peer.octets().length <= sizeBytes);
    peer.server.close();
  });
}

test("a large message goes out in chunks of at most 256 KiB, octet for octet", async () => {
  const peer = await bdatServer();
  const ascii = Buffer.alloc(900 * KiB, ".\r\nhello");
  const session = await connectTo(peer.port);
  const sent = await session.send(message({ octets: octetsOf(ascii) }));
  assert.equal(sent.recipients[0]?.reply.code, 250);
  assert.equal(sent.sentBytes, ascii.length);
  assert.deepEqual(peer.chunks, [256 * KiB, 256 * KiB, 256 * KiB, -132 * KiB]);
  assert.ok(peer.octets().equals(ascii));
  await session.quit();
  peer.server.close();
});

test("an empty message is BDAT 0 LAST", async () => {
  const peer = await bdatServer();
  const session = await connectTo(peer.port);
  const outcome = await session.send(message({ octets: octetsOf() }));
  assert.equal(outcome.recipients[0]?.reply.code, 250);
  assert.deepEqual(peer.chunks, [-0]);
  await session.quit();
  peer.server.close();
});

test("after a refused chunk no LAST is sent, and the next message works (RFC 3030 §2)", async () => {
  const peer = await bdatServer({ 2: "452 4.3.1 Disk full", 3: "503 5.5.1 No", 4: "503 5.5.1 No" });
  const session = await connectTo(peer.port);
  const large = message({ octets: octetsOf(Buffer.alloc(5000 * KiB, "x")) });
  const outcome = await session.send(large);
  assert.equal(outcome.recipients[0]?.reply.enhanced, "4.3.1");
  assert.ok(peer.chunks.every((size) => size > 0));
  assert.ok(peer.chunks.length < 10);
  const next = await session.send(message());
  assert.equal(next.recipients[0]?.reply.code, 250);
  await session.quit();
  peer.server.close();
});

test("a server that does not read stops the reading of the message, and nothing is lost", async () => {
  const peer = await bdatServer();
  const session = await connectTo(peer.port);
  const socket = await peer.connected;
  const total = 200;
  let read = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for (; read < total; read += 1) {
      if (read === 1) socket.pause();
      yield Buffer.alloc(256 * KiB, "x");
    }
  }
  const sending = session.send(message({ octets: counted() }));
  // As long as anything moves, go on; then the kernel's buffers are full and the client waits.
  for (let before = -1; before !== read || read === 0; ) {
    before = read;
    for (let turn = 0; turn < 2000; turn += 1) await setImmediate();
  }
  assert.ok(read < total, "the whole message was read into memory");
  socket.resume();
  const outcome = await sending;
  assert.equal(outcome.recipients[0]?.reply.code, 250);
  assert.equal(peer.octets().length, total * 256 * KiB);
  await session.quit();
  await once(socket, "close");
  peer.server.close();
});

test("chunksOf() keeps all octets in their order, in chunks within the bound, one of them last", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 40 })),
      fc.integer({ min: 1, max: 32 }),
      async (chunks, bytesMax) => {
        const pieces = piecesOf(octetsOf(...chunks), bytesMax, false);
        const all = await Array.fromAsync(chunksOf(pieces, bytesMax));
        assert.deepEqual(
          Buffer.concat(all.flatMap((chunk) => chunk.pieces)),
          Buffer.concat(chunks),
        );
        for (const { pieces: inside, sizeBytes } of all) {
          assert.ok(sizeBytes <= bytesMax);
          assert.equal(Buffer.concat(inside).length, sizeBytes);
        }
        assert.deepEqual(
          all.map(({ isLast }) => isLast),
          all.map((_, index) => index === all.length - 1),
        );
      },
    ),
  );
});
