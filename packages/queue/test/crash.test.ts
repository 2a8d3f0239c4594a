import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { openQueue, openQueueWriter, type Queue } from "@posthouse/queue";
import { exampleEnvelope } from "./example-envelope.ts";

const LEASE_OVER_MS = 91_000;

/** Runs killed-process.ts to its end, which is mostly a violent one, and gives what it said. */
function run(directory: string, ...args: readonly string[]): Promise<string> {
  const script = new URL("./killed-process.ts", import.meta.url).pathname;
  return new Promise((resolve) => {
    execFile(process.execPath, [script, directory, ...args], (error, stdout, stderr) => {
      assert.equal(stderr, "");
      assert.ok(error === null || error.signal === "SIGKILL", error?.message);
      resolve(stdout);
    });
  });
}

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-crash-"));
  t.after(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, "state"));
  return directory;
}

async function files(directory: string) {
  const names = async (state: string) => (await readdir(join(directory, "queue", state))).length;
  return { tmp: await names("tmp"), held: await names("held"), ready: await names("ready") };
}

function openAt(directory: string, nowMs = Date.now() + LEASE_OVER_MS): Promise<Queue> {
  return openQueue({
    queueDirectory: join(directory, "queue"),
    stateDirectory: join(directory, "state"),
    smtpOutSocketPath: join(directory, "smtp-out.sock"),
    now: () => nowMs,
  });
}

async function dueRecipients(queue: Queue): Promise<string[]> {
  const claim = await queue.claimDue({ deliveriesMax: 9, busy: [], isLocalOnly: false });
  return (claim?.deliveries ?? []).flatMap(({ recipients }) =>
    recipients.map(({ address }) => address),
  );
}

const none = { tmp: 0, held: 0, ready: 0 };

void describe("a writer that is killed while it commits", () => {
  const rows = [
    { row: "W1", at: ["ready", "before", "open"], left: none, due: 0 },
    { row: "W2", at: ["ready", "before", "write"], left: { ...none, tmp: 1 }, due: 0 },
    { row: "W2", at: ["large", "after", "write", "1"], left: { ...none, tmp: 1 }, due: 0 },
    { row: "W2", at: ["large", "before", "datasync"], left: { ...none, tmp: 1 }, due: 0 },
    { row: "W3", at: ["ready", "before", "rename"], left: { ...none, tmp: 1 }, due: 0 },
    { row: "W4", at: ["held", "after", "rename"], left: { ...none, held: 1 }, due: 0 },
    { row: "W5", at: ["ready", "before", "sync"], left: { ...none, ready: 1 }, due: 2 },
    { row: "W6", at: ["ready", "after", "sync"], left: { ...none, ready: 1 }, due: 2 },
    { row: "R1", at: ["release", "after", "sync"], left: { ...none, held: 1 }, due: 0 },
    { row: "R2", at: ["release", "before", "rename", "2"], left: { ...none, held: 1 }, due: 0 },
    { row: "R3", at: ["release", "after", "rename", "2"], left: { ...none, ready: 1 }, due: 1 },
    { row: "R4", at: ["release", "after", "sync", "2"], left: { ...none, ready: 1 }, due: 1 },
  ];
  for (const { row, at, left, due } of rows) {
    test(`${row}: ${at.join(" ")}: ${due} recipients are sent to`, async (t) => {
      const directory = await temporaryDirectory(t);
      assert.equal(await run(directory, ...at), "", "it never came to say 250");
      assert.deepEqual(await files(directory), left);
      await using queue = await openAt(directory);
      await queue.scan();
      assert.equal((await dueRecipients(queue)).length, due);
    });
  }

  for (const scenario of ["ready", "large"]) {
    test(`what it said 250 for is there: ${scenario}`, async (t) => {
      const directory = await temporaryDirectory(t);
      assert.equal(await run(directory, scenario), "committed\n");
      await using queue = await openAt(directory);
      await queue.scan();
      assert.equal((await dueRecipients(queue)).length, 2);
    });
  }
});

void describe("a sender that is killed while it delivers", () => {
  const rows = [
    { row: "C1, C2", at: ["claimed"], due: ["ann", "bob"], untold: 0, isThere: true },
    { row: "C3, C4", at: ["recorded"], due: ["bob"], untold: 1, isThere: true },
    { row: "C5", at: ["notified"], due: ["bob"], untold: 0, isThere: true },
    { row: "C6", at: ["finish", "after", "unlink"], due: [], untold: 0, isThere: false },
    { row: "C7", at: ["finish", "after", "sync"], due: [], untold: 0, isThere: false },
  ];
  for (const { row, at, due, untold, isThere } of rows) {
    test(`${row}: ${at.join(" ")}: ${due.length} recipients and ${untold} notifications are left`, async (t) => {
      const directory = await temporaryDirectory(t);
      await run(directory, "ready");
      await run(directory, ...at);
      assert.equal((await files(directory)).ready, Number(isThere));
      await using sooner = await openAt(directory, Date.now());
      await sooner.scan();
      const options = { deliveriesMax: 9, busy: [], isLocalOnly: false };
      assert.equal(await sooner.claimDue(options), undefined, "its lease still runs");
      await using queue = await openAt(directory);
      await queue.scan();
      const claim = await queue.claimDue(options);
      const [delivery] = claim?.deliveries ?? [];
      const names = delivery?.recipients.map(({ address }) => address.split("@")[0]) ?? [];
      assert.deepEqual(names, due);
      assert.equal(delivery?.untold.length ?? 0, untold);
      assert.equal(await queue.count(), Number(isThere));
    });
  }
});

test("two processes on one queue never have the same delivery", async (t) => {
  const directory = await temporaryDirectory(t);
  await using writer = await openQueueWriter({
    queueDirectory: join(directory, "queue"),
    smtpOutSocketPath: join(directory, "smtp-out.sock"),
  });
  for (let n = 0; n < 60; n += 1) {
    const draft = await writer.begin();
    await draft.commit("ready", exampleEnvelope({ messageId: `m${n}` }));
  }
  await using queue = await openAt(directory, Date.now());
  await queue.scan();
  const [one, other] = await Promise.all([run(directory, "drain"), run(directory, "drain")]);
  const taken = (one + other).trimEnd().split("\n");
  assert.equal(taken.length, 60);
  assert.equal(new Set(taken).size, 60);
});
