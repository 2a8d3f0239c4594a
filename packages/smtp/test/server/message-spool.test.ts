import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MessageSpool, SpoolUnavailable } from "@posthouse/smtp";
import { SpoolMemory } from "../../src/server/spool-memory.ts";

const directory = await mkdtemp(join(tmpdir(), "posthouse-spool-"));
test.after(() => rm(directory, { recursive: true }));

async function* chunksOf(message: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < message.length; at += size) yield message.subarray(at, at + size);
}

const message = Buffer.from(Array.from({ length: 50_000 }, (_, at) => at % 251));

const none = new SpoolMemory(0);
const places = [
  ...[0, 999, 1000, 49_999, 50_000, 1_000_000].map((alone) => [alone, 0] as const),
  ...[1512, 10_000, 60_000, 1_000_000].map((shared) => [5000, shared] as const),
];

for (const [alone, shared] of places) {
  test(`a message of 50,000 octets comes back from ${alone} octets of memory and ${shared} of all, as often as asked`, async () => {
    const memory = new SpoolMemory(shared);
    await using spool = new MessageSpool(directory, { memoryBytesMax: alone, memory });
    await spool.receive(chunksOf(message, 1000));
    assert.equal(spool.sizeBytes, message.length);
    assert.ok(spool.head.length <= alone);
    assert.ok(memory.takenBytes <= shared);
    for (const [start, end] of [
      [0, 50_000],
      [4900, 17_300],
      [30_001, 60_000],
      [0, 0],
    ] as const) {
      assert.deepEqual(await spool.range(start, end), message.subarray(start, end));
    }
    const readers = [spool.octets(Buffer.from("before")), spool.octets()];
    const [first, second] = await Promise.all(
      readers.map(async (reader) => Buffer.concat(await Array.fromAsync(reader))),
    );
    assert.deepEqual(first, Buffer.concat([Buffer.from("before"), message]));
    assert.deepEqual(second, message);
  });
}

test("the file of a message has no name while the message is there", async () => {
  await using spool = new MessageSpool(directory, { memoryBytesMax: 0, memory: none });
  await spool.receive(chunksOf(message, 1000));
  assert.deepEqual(await readdir(directory), []);
});

test("a directory that cannot be written is SpoolUnavailable", async () => {
  await using spool = new MessageSpool("/dev/null/no", { memoryBytesMax: 0, memory: none });
  await assert.rejects(spool.receive(chunksOf(message, 1000)), SpoolUnavailable);
});

test("octets that come one by one take as much memory as others, and their beginning is looked at all the same", async () => {
  const memory = new SpoolMemory(10 * 513);
  await using spool = new MessageSpool(directory, { memoryBytesMax: 1000, memory });
  await spool.receive(chunksOf(message.subarray(0, 2000), 1));
  assert.equal(spool.head.length, 1000);
  assert.equal(memory.takenBytes, 10 * 513);
  assert.deepEqual(Buffer.concat(await Array.fromAsync(spool.octets())), message.subarray(0, 2000));
});

test("what a message had of the memory of all is there for others when it is gone, and nobody reads on", async () => {
  const memory = new SpoolMemory(100_000);
  const spool = new MessageSpool(directory, { memoryBytesMax: 1000, memory });
  await spool.receive(chunksOf(message, 1000));
  const reader = spool.octets();
  await reader.next();
  await spool[Symbol.asyncDispose]();
  await spool[Symbol.asyncDispose]();
  assert.equal(memory.takenBytes, 0);
  await assert.rejects(reader.next(), SpoolUnavailable);
});

test("what comes behind the head is passed on once, or received first", async () => {
  for (const isReceived of [false, true]) {
    await using spool = new MessageSpool(directory, { memoryBytesMax: 1500, memory: none });
    await spool.receiveHead(chunksOf(message, 1000));
    assert.deepEqual(spool.head, message.subarray(0, 1000));
    if (isReceived) await spool.receiveRest();
    const passedOn = Buffer.concat(await Array.fromAsync(spool.passOn(Buffer.from("before"))));
    assert.deepEqual(passedOn, Buffer.concat([Buffer.from("before"), message]));
    assert.equal(spool.sizeBytes, message.length);
    if (isReceived) assert.deepEqual(await spool.range(999, 1001), message.subarray(999, 1001));
    else await assert.rejects(Array.fromAsync(spool.octets()), SpoolUnavailable);
  }
});

test("whoever stops reading what is passed on stops who sends it", async () => {
  await using spool = new MessageSpool(directory, { memoryBytesMax: 1500, memory: none });
  let isStopped = false;
  async function* sent() {
    try {
      yield* chunksOf(message, 1000);
    } finally {
      isStopped = true;
    }
  }
  await spool.receiveHead(sent());
  const reader = spool.passOn(Buffer.from("before"));
  for (let piece = 0; piece < 4; piece += 1) await reader.next();
  await reader.return(undefined);
  assert.equal(isStopped, true);
});
