import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type Attempt, explainAttempts, type Queue } from "@posthouse/queue";
import Database from "better-sqlite3";
import { IndexDatabase } from "../src/index-database.ts";
import { remoteRecipient } from "./example-envelope.ts";
import { everything, openTestQueue, START_MS } from "./open-test-queue.ts";

const greylisted: Attempt = {
  tries: [
    { host: "mx1.there.example", address: "192.0.2.1", problem: "Cannot connect", dialogue: [] },
    {
      host: "mx2.there.example",
      address: "192.0.2.2",
      tls: "TLSv1.3 TLS_AES_256_GCM_SHA384",
      dialogue: ["> RCPT TO:<ann@there.example>", "< 450 4.7.1 Greylisted"],
    },
  ],
  answers: [
    {
      reply: { code: 450, enhanced: "4.7.1", text: "Greylisted" },
      remoteHost: "mx2.there.example",
      recipients: 1,
    },
  ],
};

async function tried(queue: Queue, attempt: Attempt, dueMs: number): Promise<string> {
  const claim = await queue.claimDue(everything);
  const [delivery] = claim?.deliveries ?? [];
  assert.ok(delivery);
  await Promise.all([delivery.keepAttempt(attempt, dueMs), delivery.defer(dueMs, [])]);
  return delivery.id;
}

test("every attempt is told in words: when, where, TLS, the last lines, what it means, what is next", async (t) => {
  const { queue, enqueue, clock } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  const id = await tried(queue, greylisted, START_MS + 300_000);
  clock.nowMs += 120_000;
  assert.deepEqual(explainAttempts(await queue.attempts(id), clock.nowMs), [
    "Attempt 1, to remote.example, 1970-01-01 00:33:20 UTC (2 minutes ago)",
    "  mx1.there.example [192.0.2.1]: Cannot connect",
    "  mx2.there.example [192.0.2.2], TLSv1.3 TLS_AES_256_GCM_SHA384",
    "    > RCPT TO:<ann@there.example>",
    "    < 450 4.7.1 Greylisted",
    "  mx2.there.example said: 450 4.7.1 Greylisted. The other side does not know us yet and wants to be asked again in some minutes. What to fix: Nothing: it is tried again by itself.",
    "  Next attempt: 1970-01-01 00:38:20 UTC (in 3 minutes)",
  ]);
});

test("of many attempts all are kept, and the dialogues of the last five", async (t) => {
  const { queue, enqueue, clock } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  let id = "";
  for (let n = 0; n < 8; n += 1) {
    clock.nowMs += 1000;
    id = await tried(queue, greylisted, clock.nowMs);
  }
  const attempts = await queue.attempts(id);
  assert.deepEqual(
    attempts.map(({ number, tries }) => [number, tries[1]?.dialogue.length]),
    [1, 2, 3, 4, 5, 6, 7, 8].map((number) => [number, number > 3 ? 2 : 0]),
  );
});

test("what one attempt may keep is bounded, however much hosts say", async (t) => {
  const { queue, enqueue } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  const [host] = greylisted.tries;
  assert.ok(host);
  const large: Attempt = {
    tries: Array.from({ length: 100 }, (_, n) => ({ ...host, host: `mx${n}.there.example` })),
    answers: Array.from({ length: 100 }, (_, n) => ({
      reply: { code: 450, text: `${n} ${"no ".repeat(10_000)}` },
      recipients: 1,
    })),
  };
  const id = await tried(queue, large, START_MS);
  const [kept] = await queue.attempts(id);
  assert.deepEqual([kept?.tries.length, kept?.answers.length], [12, 8]);
  assert.equal(kept?.tries.at(-1)?.host, "mx99.there.example");
  assert.ok(JSON.stringify(kept).length < 16_384);
});

test("an attempt of a holder who lost his lease is not kept, and what is over is forgotten", async (t) => {
  const { queue, enqueue, clock, open } = await openTestQueue(t);
  const recipients = [remoteRecipient("ann@a.example"), remoteRecipient("bob@b.example")];
  await enqueue({ recipients });
  await queue.scan();
  const onlyAnn = { ...everything, busy: ["b.example"] };
  const [stale] = (await queue.claimDue(onlyAnn))?.deliveries ?? [];
  assert.ok(stale);
  clock.nowMs += 91_000;
  await using other = await open();
  const [current] = (await other.claimDue(onlyAnn))?.deliveries ?? [];
  assert.ok(current);
  await stale.keepAttempt(greylisted, START_MS);
  assert.deepEqual(await other.attempts(stale.id), []);
  const reply = { code: 250, text: "ok" };
  await current.finish([{ recipient: 0, status: "relayed", reply }], greylisted);
  assert.equal((await other.attempts(stale.id)).length, 1, "bob's delivery is still there");
  assert.match(
    explainAttempts(await other.attempts(stale.id), START_MS).join(),
    /was the last one/,
  );
  const [last] = (await other.claimDue(everything))?.deliveries ?? [];
  await last?.finish([], greylisted);
  assert.deepEqual(await other.attempts(stale.id), []);
});

test("an index of the version before is taken over with what waits in it", async (t) => {
  const { queue, enqueue, stateDirectory } = await openTestQueue(t);
  await enqueue();
  await queue.scan();
  await queue[Symbol.asyncDispose]();
  const path = join(stateDirectory, "queue.sqlite");
  const before = new Database(path);
  before.exec(
    "DROP TABLE attempt; DROP TABLE bounce; ALTER TABLE entry DROP COLUMN held_by; ALTER TABLE delivery DROP COLUMN holder",
  );
  before.pragma("user_version = 2");
  before.close();
  const index = new IndexDatabase(path);
  t.after(() => index.close());
  assert.equal(index.countEntries(), 1);
  const [id = ""] = index.idsAfter("", 1);
  assert.deepEqual(index.attempts(id), []);
});
