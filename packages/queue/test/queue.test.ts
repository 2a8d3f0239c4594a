import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { type Claim, explain, type Outcome, type Queue } from "@posthouse/queue";
import Database from "better-sqlite3";
import { remoteRecipient } from "./example-envelope.ts";
import { everything, openTestQueue, START_MS } from "./open-test-queue.ts";

async function claimed(queue: Queue): Promise<Claim> {
  const claim = await queue.claimDue(everything);
  assert.ok(claim !== undefined, "nothing is due");
  return claim;
}

async function only(queue: Queue) {
  const { deliveries } = await claimed(queue);
  assert.equal(deliveries.length, 1);
  const [delivery] = deliveries;
  assert.ok(delivery !== undefined);
  return delivery;
}

const relayed = (recipient: number, tellsSender = false): Outcome => ({
  recipient,
  status: "relayed",
  reply: { code: 250, enhanced: "2.0.0", text: "Queued as 17" },
  remoteHost: "mx.remote.example",
  ...(tellsSender && { tellsSender }),
});

test("an entry is claimed, read, finished and gone", async (t) => {
  const { queue, enqueue, files } = await openTestQueue(t);
  await enqueue();
  assert.equal((await queue.scan()).admitted, 1);
  const delivery = await only(queue);
  assert.equal(await text(delivery.octets()), "Subject: hello\r\n\r\nHello\r\n");
  assert.deepEqual(
    delivery.recipients.map(({ address }) => address),
    ["ann@remote.example"],
  );
  await delivery.finish([relayed(0)]);
  assert.deepEqual(await files(), []);
  assert.equal(await queue.count(), 0);
});

test("recipients of one domain are one delivery, whatever the case of its letters", async (t) => {
  const { queue, enqueue } = await openTestQueue(t);
  const addresses = ["ann@a.example", "bob@B.example", "cid@A.EXAMPLE."];
  await enqueue({ recipients: addresses.map((address) => remoteRecipient(address)) });
  await queue.scan();
  const claims = [await claimed(queue), await claimed(queue)];
  const parts = claims.map(({ destination, deliveries }) => [
    destination,
    deliveries.flatMap(({ recipients }) => recipients.map(({ recipient }) => recipient)),
  ]);
  assert.deepEqual(Object.fromEntries(parts), { "a.example": [0, 2], "b.example": [1] });
  assert.equal(await queue.claimDue(everything), undefined);
});

test("a destination that is busy is left out, however much waits for it", async (t) => {
  const { queue, enqueue } = await openTestQueue(t);
  await enqueue({ messageId: "m1", recipients: [remoteRecipient("ann@busy.example")] });
  await enqueue({ messageId: "m2", recipients: [remoteRecipient("ann@free.example")] });
  await queue.scan();
  const claim = await queue.claimDue({ ...everything, busy: ["busy.example"] });
  assert.equal(claim?.destination, "free.example");
  assert.equal(await queue.claimDue({ ...everything, busy: ["busy.example"] }), undefined);
});

test("with sending switched off only local mail is claimed, and show() says why", async (t) => {
  const { queue, enqueue, clock } = await openTestQueue(t);
  const local = remoteRecipient("bob@here.example", { isLocal: true });
  await enqueue({ recipients: [local, remoteRecipient("ann@remote.example")] });
  await queue.scan();
  await queue.setSendingOff(true);
  const claim = await queue.claimDue({ ...everything, isLocalOnly: true });
  assert.equal(claim?.destination, ":local");
  assert.equal(await queue.claimDue({ ...everything, isLocalOnly: true }), undefined);
  const [entry] = await queue.show("m1");
  assert.ok(entry !== undefined);
  assert.match(
    explain(entry, clock.nowMs).join("\n"),
    /ann@.*sending to other hosts is switched off/,
  );
});

test("what was deferred is due again at its time and not sooner, with what was said", async (t) => {
  const { queue, enqueue, clock } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  const reply = { code: 450, enhanced: "4.2.1", text: "Try later" };
  const delivery = await only(queue);
  await delivery.defer(START_MS + 60_000, [
    { recipient: 0, reply, remoteHost: "mx.remote.example" },
  ]);
  assert.equal(await queue.nextDueMs(everything), START_MS + 60_000);
  clock.nowMs += 59_999;
  assert.equal(await queue.claimDue(everything), undefined);
  const [entry] = await queue.show("m1");
  assert.deepEqual(entry?.recipients[0]?.lastReply, reply);
  assert.match(
    explain(entry, clock.nowMs + 1).join("\n"),
    /ann@remote.example: tried once. mx.remote.example said, 60 seconds ago: 450 4.2.1 Try later. The next attempt is now./,
  );
  clock.nowMs += 1;
  assert.equal((await only(queue)).attempts, 1);
});

test("a recipient that is final is not sent to again when the others are", async (t) => {
  const { queue, enqueue, clock, open, stateDirectory } = await openTestQueue(t);
  await enqueue({ recipients: ["ann", "bob"].map((name) => remoteRecipient(`${name}@a.example`)) });
  await queue.scan();
  const delivery = await only(queue);
  await delivery.record([relayed(0)]);
  await delivery.defer(START_MS, []);
  clock.nowMs += 1;
  const again = await only(queue);
  assert.deepEqual(
    again.recipients.map(({ address }) => address),
    ["bob@a.example"],
  );
  await again.release();
  // And also when the index was lost: the file remembers.
  for (const name of await readdir(stateDirectory)) await rm(join(stateDirectory, name));
  await using anew = await open();
  await anew.scan();
  assert.deepEqual((await only(anew)).recipients, again.recipients);
});

test("a reply of any length is kept as its beginning", async (t) => {
  const { queue, enqueue, files, queueDirectory } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  const delivery = await only(queue);
  const reply = { code: 550, text: "no ".repeat(200_000) };
  await delivery.record([{ recipient: 0, status: "failed", reply, tellsSender: true }]);
  const [name = ""] = await files();
  const { size } = await stat(join(queueDirectory, "ready", name));
  assert.ok(size < 4096, `the file has ${size} octets`);
  const [entry] = await queue.show("m1");
  assert.match(entry?.recipients[0]?.lastReply?.text ?? "", /^no no .* …$/);
});

test("an end that the sender has to hear of keeps the entry until he was told", async (t) => {
  const { queue, enqueue, files } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  const delivery = await only(queue);
  await delivery.record([relayed(0, true)]);
  await delivery.release();
  const again = await only(queue);
  assert.deepEqual(again.recipients, []);
  assert.deepEqual(again.untold, [relayed(0, true)]);
  await again.recordNotified("final", [0]);
  await again.release();
  // Now nothing is left, and the next claim finds that out.
  assert.equal(await queue.claimDue(everything), undefined);
  assert.deepEqual(await files(), []);
});

test("two queues over one spool never have the same delivery at a time", async (t) => {
  const { queue, enqueue, open } = await openTestQueue(t);
  await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      enqueue({
        messageId: `m${n}`,
        recipients: [remoteRecipient(`ann@${n % 7}.example`)],
      }),
    ),
  );
  await queue.scan();
  await using other = await open();
  const taken: string[] = [];
  const drain = async (from: Queue) => {
    for (;;) {
      const claim = await from.claimDue({ ...everything, deliveriesMax: 3 });
      if (claim === undefined) return;
      taken.push(...claim.deliveries.map(({ id }) => id));
    }
  };
  await Promise.all([drain(queue), drain(other), drain(queue)]);
  assert.equal(taken.length, 40);
  assert.equal(new Set(taken).size, 40);
});

test("a lease that its holder lost to another one changes nothing any more", async (t) => {
  const { queue, enqueue, clock, open, files } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  const stale = await only(queue);
  clock.nowMs += 91_000;
  await using other = await open();
  const current = await only(other);
  await stale.defer(START_MS + 7_000_000, []);
  await stale.finish();
  assert.equal((await files()).length, 1, "the file is the new holder's");
  assert.equal(await queue.claimDue(everything), undefined);
  await current.finish([relayed(0)]);
  assert.deepEqual(await files(), []);
});

test("endLeases() makes due at once what a dead holder had, and he changes nothing any more", async (t) => {
  const { queue, enqueue, open, files } = await openTestQueue(t);
  await enqueue({ messageId: "sent" });
  await enqueue({ messageId: "on-hold" });
  await queue.scan();
  const stale = await queue.claimDue(everything);
  assert.equal(stale?.deliveries.length, 2);
  await queue.hold("on-hold");
  await using other = await open();
  assert.equal(await other.claimDue(everything), undefined);
  assert.equal(await other.endLeases(), 2);
  const current = await only(other);
  assert.equal(current.entry.envelope.messageId, "sent");
  for (const delivery of stale.deliveries) await delivery.finish();
  assert.equal((await files()).length, 2, "the files are not his any more");
  await current.finish();
  assert.equal((await files()).length, 1);
  assert.equal(await other.endLeases(), 0);
});

test("endLeases() leaves alone what others send, who have other names", async (t) => {
  const { queue, enqueue, open } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  const delivery = await only(queue);
  await using second = await open("second");
  assert.equal(await second.endLeases(), 0);
  assert.equal(await second.claimDue(everything), undefined);
  await delivery.finish();
  assert.deepEqual(await second.list(), []);
});

test("what an index that cannot be written was to take back is due as soon as it can be", async (t) => {
  const { queue, enqueue, stateDirectory, smtpOutSocketPath, clock } = await openTestQueue(t);
  for (const messageId of ["m1", "m2"]) await enqueue({ messageId });
  await queue.scan();
  const [tried, untried] = (await queue.claimDue(everything))?.deliveries ?? [];
  assert.ok(tried !== undefined && untried !== undefined);

  const smtpOut = net.createServer((socket) => socket.destroy()).listen(smtpOutSocketPath);
  t.after(() => smtpOut.close());
  const index = new Database(join(stateDirectory, "queue.sqlite"));
  index.exec(
    "CREATE TRIGGER full BEFORE UPDATE ON delivery BEGIN SELECT RAISE(ABORT, 'full'); END",
  );
  const reply = { code: 451, enhanced: "4.3.0", text: "A fault on this host" };
  await tried.defer(clock.nowMs + 5000, [{ recipient: 0, reply }]);
  await untried.release();
  assert.equal(await queue.claimDue(everything), undefined);

  const isWoken = once(smtpOut, "connection");
  index.exec("DROP TRIGGER full");
  index.close();
  await isWoken;
  const claim = await queue.claimDue(everything);
  assert.deepEqual(
    claim?.deliveries.map(({ id }) => id),
    [untried.id],
  );
  assert.equal(claim?.deliveries[0]?.attempts, 0);
  clock.nowMs += 5000;
  const later = await queue.claimDue(everything);
  assert.deepEqual(
    later?.deliveries.map(({ id }) => id),
    [tried.id],
  );
  assert.equal(later?.deliveries[0]?.attempts, 1);
});

test("a clock that is set forward makes nobody claim twice what it has already", async (t) => {
  const { queue, enqueue, clock, files } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  const delivery = await only(queue);
  clock.nowMs += 3_600_000;
  assert.equal(await queue.claimDue(everything), undefined);
  await delivery.finish([relayed(0)]);
  assert.deepEqual(await files(), []);
});

test("on hold is on hold, also for an index that is made anew, until resume()", async (t) => {
  const { queue, enqueue, stateDirectory, open } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  assert.equal((await queue.hold("m1"))[0]?.kind, "done");
  assert.equal(await queue.claimDue(everything), undefined);
  assert.equal((await queue.retry("m1"))[0]?.kind, "on-hold");
  for (const name of await readdir(stateDirectory)) await rm(join(stateDirectory, name));
  await using anew = await open();
  await anew.scan();
  assert.equal(await anew.claimDue(everything), undefined);
  await anew.resume("m1");
  assert.equal((await only(anew)).id, (await anew.list())[0]?.id);
});

test("what a rule stopped is known by the rule's name, also to an index that is made anew", async (t) => {
  const { queue, enqueue, stateDirectory, open } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  assert.equal(await (await only(queue)).hold("many"), true);
  assert.equal(await queue.claimDue(everything), undefined);
  for (const name of await readdir(stateDirectory)) await rm(join(stateDirectory, name));
  await using anew = await open();
  await anew.scan();
  assert.equal((await anew.list())[0]?.heldBy, "many");
  assert.equal((await anew.resumeHeldBy("other")).length, 0);
  assert.equal((await anew.resumeHeldBy("many")).length, 1);
  const delivery = await only(anew);
  assert.equal(delivery.entry.isResumed, true);
  assert.equal(await delivery.hold("many"), false, "what was let go on is not stopped again");
  assert.equal((await anew.list())[0]?.isHeld, false);
});

test("hold() during an attempt stops the entry after it", async (t) => {
  const { queue, enqueue } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  const delivery = await only(queue);
  await queue.hold("m1");
  await delivery.defer(START_MS, []);
  assert.equal(await queue.claimDue(everything), undefined);
  assert.equal((await queue.show("m1"))[0]?.recipients[0]?.state.kind, "on-hold");
});

test("remove() takes an entry out, but not while it is being sent", async (t) => {
  const { queue, enqueue, files } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  const delivery = await only(queue);
  assert.equal((await queue.remove("m1"))[0]?.kind, "being-sent");
  await delivery.release();
  assert.equal((await queue.remove("m1"))[0]?.kind, "done");
  assert.deepEqual(await files(), []);
  assert.deepEqual(await queue.show("m1"), []);
});

test("the beginning of an id means one entry, or nothing is changed", async (t) => {
  const { queue, enqueue } = await openTestQueue(t);
  await enqueue({ messageId: "m1" });
  await enqueue({ messageId: "m2" });
  await queue.scan();
  const [one = "", other = ""] = (await queue.list()).map(({ id }) => id);
  let shared = 0;
  while (one[shared] === other[shared]) shared += 1;
  for (const change of ["remove", "hold", "retry"] as const) {
    await assert.rejects(queue[change](one.slice(0, shared)), {
      name: "QueueError",
      message: /is the beginning of 2 ids.*nothing was changed/,
    });
  }
  assert.equal((await queue.show(one.slice(0, shared))).length, 2, "looking changes nothing");
  assert.equal((await queue.remove(one.slice(0, shared + 1)))[0]?.kind, "done");
  assert.deepEqual(
    (await queue.list()).map(({ id, isHeld }) => [id, isHeld]),
    [[other, false]],
  );
});

test("check() names what is damaged, unknown and missing, and repair makes spool and index agree", async (t) => {
  const { queue, enqueue, files, queueDirectory } = await openTestQueue(t);
  await enqueue({ messageId: "whole" });
  await enqueue({ messageId: "gone" });
  await enqueue({ messageId: "changed" });
  await queue.scan();
  await enqueue({ messageId: "new" });
  const ready = join(queueDirectory, "ready");
  const fileOf = async (id: string) =>
    join(ready, (await files()).find((name) => name.startsWith(id)) ?? "");
  await rm(await fileOf("gone"));
  const changed = await fileOf("changed");
  const octets = await readFile(changed);
  octets.write("J", octets.indexOf("Hello"));
  await writeFile(changed, octets);
  await writeFile(join(ready, "core"), "dumped");

  const report = await queue.check({ repair: true });
  assert.equal(report.entries, 2);
  assert.deepEqual(report.damaged.map(({ reason }) => reason).sort(), [
    "Its message was changed on disk",
    "Its name is not that of a queue entry",
  ]);
  assert.equal(report.unknown.length, 1);
  assert.equal(report.missing.length, 1);
  const again = await queue.check({ repair: false });
  assert.deepEqual(again, { entries: 2, damaged: [], unknown: [], missing: [] });
  assert.equal((await files("damaged")).length, 2);
});

test("an index that is not a database is put aside and made anew", async (t) => {
  const { queue, enqueue, stateDirectory, open } = await openTestQueue(t);
  await enqueue();
  await queue[Symbol.asyncDispose]();
  for (const name of await readdir(stateDirectory)) await rm(join(stateDirectory, name));
  await writeFile(join(stateDirectory, "queue.sqlite"), "not a database".repeat(1000));
  await using anew = await open();
  assert.equal((await anew.scan()).admitted, 1);
});

test("a torn record is skipped, and the records after it count", async (t) => {
  const { queue, enqueue, files, queueDirectory } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  const [name = ""] = await files();
  await appendFile(join(queueDirectory, "ready", name), '\n00000000 {"type":"outc');
  await queue.hold("m1");
  assert.equal((await queue.check({ repair: false })).damaged.length, 0);
  await queue.resume("m1");
  assert.equal((await only(queue)).recipients.length, 1);
});

test("scan() sweeps drafts and held entries of dead writers, and leaves young ones", async (t) => {
  const { queue, files, queueDirectory, clock } = await openTestQueue(t);
  clock.nowMs = Date.now();
  for (const state of ["tmp", "held"]) {
    await writeFile(join(queueDirectory, state, "young"), "");
    await writeFile(join(queueDirectory, state, "old"), "");
    await utimes(join(queueDirectory, state, "old"), 1000, 1000);
  }
  assert.equal((await queue.scan()).swept, 2);
  assert.deepEqual([await files("tmp"), await files("held")], [["young"], ["young"]]);
});

test("mail with FUTURERELEASE is due when its sender said (RFC 4865)", async (t) => {
  const { queue, enqueue, clock } = await openTestQueue(t);
  await enqueue({ holdUntilMs: START_MS + 3_600_000 });
  await queue.scan();
  assert.equal(await queue.claimDue(everything), undefined);
  const [entry] = await queue.show("m1");
  assert.ok(entry);
  assert.match(explain(entry, clock.nowMs).join(), /to be sent in 60 minutes, as its sender asked/);
  clock.nowMs += 3_600_000;
  assert.equal((await claimed(queue)).deliveries.length, 1);
});

test("mail with FUTURERELEASE stays until its time when its domain is flushed", async (t) => {
  const { queue, enqueue, clock } = await openTestQueue(t);
  const recipients = [remoteRecipient("bob@there.example")];
  await enqueue({ recipients, holdUntilMs: START_MS + 3_600_000 });
  await queue.scan();
  await queue.flush("there.example");
  assert.equal(await queue.claimDue(everything), undefined);
  clock.nowMs += 3_600_000;
  assert.equal((await claimed(queue)).deliveries.length, 1);
});
