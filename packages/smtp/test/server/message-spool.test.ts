import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MessageSpool, SpoolUnavailable } from "@posthouse/smtp";

const directory = await mkdtemp(join(tmpdir(), "posthouse-spool-"));
test.after(() => rm(directory, { recursive: true }));

async function* chunksOf(message: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < message.length; at += size) yield message.subarray(at, at + size);
}

const message = Buffer.from(Array.from({ length: 50_000 }, (_, at) => at % 251));

for (const memoryBytesMax of [0, 999, 1000, 49_999, 50_000, 1_000_000]) {
  test(`a message of 50,000 octets comes back from ${memoryBytesMax} octets of memory, as often as asked`, async () => {
    await using spool = new MessageSpool(directory, memoryBytesMax);
    await spool.receive(chunksOf(message, 1000));
    assert.equal(spool.sizeBytes, message.length);
    const readers = [spool.octets(Buffer.from("before")), spool.octets()];
    const [first, second] = await Promise.all(
      readers.map(async (reader) => Buffer.concat(await Array.fromAsync(reader))),
    );
    assert.deepEqual(first, Buffer.concat([Buffer.from("before"), message]));
    assert.deepEqual(second, message);
  });
}

test("the file of a message has no name while the message is there", async () => {
  await using spool = new MessageSpool(directory, 0);
  await spool.receive(chunksOf(message, 1000));
  assert.deepEqual(await readdir(directory), []);
});

test("a directory that cannot be written is SpoolUnavailable", async () => {
  await using spool = new MessageSpool("/dev/null/no", 0);
  await assert.rejects(spool.receive(chunksOf(message, 1000)), SpoolUnavailable);
});
