import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { openQueueWriter, QueueUnavailable } from "@posthouse/queue/writer";
import { readSpoolFile } from "../src/spool-file.ts";
import { exampleEnvelope, remoteRecipient } from "./example-envelope.ts";

async function temporaryQueue(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-queue-"));
  t.after(() => rm(directory, { recursive: true }));
  const queueDirectory = join(directory, "queue");
  const socketPath = join(directory, "smtp-out.sock");
  const writer = await openQueueWriter({ queueDirectory, smtpOutSocketPath: socketPath });
  t.after(() => writer[Symbol.asyncDispose]());
  const names = (state: string) => readdir(join(queueDirectory, state));
  return { queueDirectory, socketPath, writer, names };
}

const message = Buffer.from("Subject: hello\r\n\r\nHello\r\n");

for (const { name, octets } of [
  { name: "an empty message", octets: Buffer.alloc(0) },
  { name: "a small message", octets: message },
  {
    name: "a message larger than the memory of a draft",
    octets: Buffer.alloc(300_001, "0123456789"),
  },
]) {
  test(`${name} reads back as it was written, in pieces of any size`, async (t) => {
    const { writer, names, queueDirectory } = await temporaryQueue(t);
    const draft = await writer.begin();
    for (let at = 0; at < octets.length; at += 70_001)
      await draft.write(octets.subarray(at, at + 70_001));
    await draft.commit("ready", exampleEnvelope());
    const [id = ""] = await names("ready");
    const entry = await readSpoolFile(join(queueDirectory, "ready", id));
    assert.equal(entry.messageBytes, octets.length);
    assert.deepEqual(entry.envelope, exampleEnvelope());
    assert.equal(await text(entry.octets()), octets.toString());
    assert.equal(await entry.isMessageWhole(), true);
    assert.deepEqual(await names("tmp"), []);
  });
}

test("a draft that is disposed of without a commit leaves nothing behind", async (t) => {
  const { writer, names } = await temporaryQueue(t);
  {
    await using draft = await writer.begin();
    await draft.write(Buffer.alloc(200_000));
    assert.equal((await names("tmp")).length, 1);
  }
  assert.deepEqual(await names("tmp"), []);
  assert.deepEqual(await names("ready"), []);
});

test("a held entry becomes ready with the recipients that its release leaves", async (t) => {
  const { writer, names, queueDirectory } = await temporaryQueue(t);
  const both = [remoteRecipient("ann@a.example"), remoteRecipient("bob@b.example")];
  const draft = await writer.begin();
  await draft.write(message);
  const entry = await draft.commit("held", exampleEnvelope({ recipients: both }));
  assert.equal((await names("held")).length, 1);
  await entry.release(exampleEnvelope({ recipients: both.slice(1) }));
  assert.deepEqual(await names("held"), []);
  const [id = ""] = await names("ready");
  const { envelope } = await readSpoolFile(join(queueDirectory, "ready", id));
  assert.deepEqual(
    envelope.recipients.map(({ address }) => address),
    ["bob@b.example"],
  );
});

test("a held entry that is dropped is gone", async (t) => {
  const { writer, names } = await temporaryQueue(t);
  const draft = await writer.begin();
  const entry = await draft.commit("held", exampleEnvelope());
  await entry.drop();
  assert.deepEqual([...(await names("held")), ...(await names("ready"))], []);
});

test("two entries of one message do not overwrite each other", async (t) => {
  const { writer, names } = await temporaryQueue(t);
  for (const octets of [message, Buffer.from("another")]) {
    const draft = await writer.begin();
    await draft.write(octets);
    await draft.commit("ready", exampleEnvelope());
  }
  assert.equal((await names("ready")).length, 2);
});

test("smtp-out is told of each entry when it is ready, and not while it is held", async (t) => {
  const { writer, socketPath, names } = await temporaryQueue(t);
  const server = net.createServer();
  const lines = Promise.withResolvers<string>();
  server.on("connection", (socket) => {
    let received = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      received += chunk;
      if (received.split("\n").length > 2) lines.resolve(received);
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  t.after(() => server.close());
  const held = await (await writer.begin()).commit("held", exampleEnvelope({ messageId: "h" }));
  await (await writer.begin()).commit("ready", exampleEnvelope({ messageId: "r" }));
  await held.release();
  const ready = await names("ready");
  const expected = ["r", "h"].map((id) => `ready ${ready.find((name) => name.startsWith(id))}\n`);
  assert.equal(await lines.promise, expected.join(""));
});

test("without room for it the queue says QueueUnavailable, and nothing stays behind", async (t) => {
  const { writer, queueDirectory, names } = await temporaryQueue(t);
  await rm(join(queueDirectory, "ready"), { recursive: true });
  await writeFile(join(queueDirectory, "ready"), "not a directory");
  const draft = await writer.begin();
  await draft.write(Buffer.alloc(100_000));
  await assert.rejects(draft.commit("ready", exampleEnvelope()), QueueUnavailable);
  assert.deepEqual(await names("tmp"), []);
});

test("many commits at once are all durable and all there", async (t) => {
  const { writer, names } = await temporaryQueue(t);
  const commits = Array.from({ length: 50 }, async (_, n) => {
    const draft = await writer.begin();
    await draft.write(message);
    await draft.commit("ready", exampleEnvelope({ messageId: `m${n}` }));
  });
  await Promise.all(commits);
  assert.equal((await names("ready")).length, 50);
});
