import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { constants, createInflateRaw, deflateRawSync } from "node:zlib";
import { ConnectionLost, WireConnection } from "@posthouse/wire";
import fc from "fast-check";

async function compressedPair() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  const wire = new WireConnection(socket, { idleMs: 0 });
  wire.startCompression();
  return {
    wire,
    client,
    [Symbol.dispose]() {
      client.destroy();
      wire.destroy();
      server.close();
    },
  };
}

const flushed = (octets: string | Uint8Array) =>
  deflateRawSync(octets, { finishFlush: constants.Z_SYNC_FLUSH });

/** What a client with one decompressor for the whole connection reads. */
async function inflated(client: Socket, length: number): Promise<Buffer> {
  const inflate = client.pipe(createInflateRaw());
  const pieces: Buffer[] = [];
  let received = 0;
  for await (const piece of inflate as AsyncIterable<Buffer>) {
    pieces.push(piece);
    received += piece.length;
    if (received >= length) break;
  }
  return Buffer.concat(pieces);
}

test("a client with one decompressor reads what was written in any number of flushes", async () => {
  const texts = fc.array(fc.uint8Array({ maxLength: 9000 }), { minLength: 1, maxLength: 12 });
  const run = async (octets: Uint8Array[]) => {
    using pair = await compressedPair();
    const all = Buffer.concat(octets);
    const got = inflated(pair.client, all.length);
    for (const piece of octets) {
      pair.wire.write(piece);
      await pair.wire.flush();
    }
    if (all.length > 0) assert.deepEqual(await got, all);
    else got.catch(() => {});
  };
  await fc.assert(fc.asyncProperty(texts, run), { numRuns: 20 });
});

test("what is like the answer before it takes few octets, though no compressor is kept", async () => {
  using pair = await compressedPair();
  let received = 0;
  pair.client.on("data", (octets: Buffer) => {
    received += octets.length;
  });
  const answer = (uid: number) =>
    `* ${uid} FETCH (UID ${uid} FLAGS (\\Seen \\Answered) RFC822.SIZE 4711)\r\n`;
  let written = 0;
  for (let uid = 1; uid <= 100; uid += 1) {
    pair.wire.write(answer(uid));
    written += answer(uid).length;
    await pair.wire.flush();
  }
  pair.wire.close();
  await once(pair.client, "end");
  assert.ok(received * 2 < written, `${received} of ${written}`);
});

test("lines are read however the compressed octets are cut", async () => {
  using pair = await compressedPair();
  const octets = Buffer.concat([flushed("a1 NOOP\r\n"), flushed("a2 LOGOUT\r\n")]);
  for (const octet of octets) pair.client.write(Buffer.from([octet]));
  assert.equal((await pair.wire.readLine(100))?.toString(), "a1 NOOP");
  assert.equal((await pair.wire.readLine(100))?.toString(), "a2 LOGOUT");
  pair.client.end();
  assert.equal(await pair.wire.readLine(100), undefined);
});

test("a literal that expands to 8 MiB is streamed", async () => {
  using pair = await compressedPair();
  const length = 8 * 1024 * 1024;
  pair.client.write(flushed(Buffer.alloc(length, "abc")));
  let read = 0;
  let longest = 0;
  for await (const piece of pair.wire.readOctets(length)) {
    read += piece.length;
    longest = Math.max(longest, piece.length);
  }
  assert.equal(read, length);
  assert.ok(longest <= 128 * 1024, String(longest));
});

test("a bomb is ConnectionLost after 64 MiB", async () => {
  using pair = await compressedPair();
  pair.client.on("error", () => {});
  const mib = Buffer.alloc(1024 * 1024);
  const bomb = flushed(Buffer.concat(Array.from({ length: 100 }, () => mib)));
  pair.client.write(bomb);
  let read = 0;
  await assert.rejects(async () => {
    for await (const piece of pair.wire.readOctets(100 * mib.length)) read += piece.length;
  }, ConnectionLost);
  assert.ok(read >= 64 * mib.length && read < 90 * mib.length, String(read));
});

test("what is no deflated data is ConnectionLost, and so is a stream that the client has ended", async () => {
  for (const octets of [
    Buffer.from("a1 NOOP\r\n"),
    Buffer.concat([deflateRawSync("a1"), Buffer.from("more\r\n")]),
  ]) {
    using pair = await compressedPair();
    pair.client.write(octets);
    await assert.rejects(pair.wire.readLine(100), ConnectionLost);
  }
});

test("random octets are lines, ConnectionLost or the end, and nothing else", async () => {
  const run = async (octets: Uint8Array) => {
    using pair = await compressedPair();
    pair.client.on("error", () => {});
    pair.client.end(octets);
    try {
      while ((await pair.wire.readLine(1000)) !== undefined);
    } catch (error) {
      assert.ok(error instanceof Error && ["ConnectionLost", "LineTooLong"].includes(error.name));
    }
  };
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), run), { numRuns: 50 });
});

test("compression ends behind a command, also when the next one came with it in the clear", async () => {
  for (const end of [constants.Z_SYNC_FLUSH, constants.Z_FINISH]) {
    using pair = await compressedPair();
    const command = deflateRawSync("a1 UNAUTHENTICATE\r\n", { finishFlush: end });
    pair.client.write(Buffer.concat([command, Buffer.from("a2 AUTHENTICATE\r\n")]));
    assert.equal((await pair.wire.readLine(100))?.toString(), "a1 UNAUTHENTICATE");
    const answer = inflated(pair.client, 7);
    pair.wire.write("a1 OK\r\n");
    pair.wire.stopCompression();
    await pair.wire.flush();
    assert.equal((await pair.wire.readLine(100))?.toString(), "a2 AUTHENTICATE");
    assert.equal((await answer).toString(), "a1 OK\r\n");
    pair.client.write("a3 NOOP\r\n");
    assert.equal((await pair.wire.readLine(100))?.toString(), "a3 NOOP");
  }
});
