import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Destination } from "../src/destination.ts";
import { IndexDatabase } from "../src/index-database.ts";

const request = { nowMs: 1000, deliveriesMax: 20, busy: ["d1.example"], isLocalOnly: false };

test("with 20,000 deliveries a claim still goes by the indexes, and sorts nothing", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-index-"));
  const database = new IndexDatabase(join(directory, "queue.sqlite"));
  t.after(async () => {
    database.close();
    await rm(directory, { recursive: true });
  });
  const entries = Array.from(
    { length: 20_000 },
    (_, n) => () =>
      database.admit({
        id: `m${n}~00000000`,
        messageId: `m${n}`,
        reversePath: "",
        receivedAtMs: 0,
        messageBytes: 1,
        isHeld: false,
        dueMs: n,
        priority: 0,
        isImmediate: false,
        recipients: [
          { address: "a@b", destination: `d${n % 50}.example` as Destination, isOver: false },
        ],
      }),
  );
  assert.ok(database.batch(entries).every(({ status }) => status === "fulfilled"));

  const plan = database.explainClaim(request).join("\n");
  assert.match(
    plan,
    /SEARCH destination USING INDEX destination_due|SCAN destination USING INDEX destination_due/,
  );
  assert.match(plan, /SEARCH delivery USING INDEX delivery_due \(destination=\? AND due_ms<\?\)/);
  assert.doesNotMatch(plan, /TEMP B-TREE/);
  assert.doesNotMatch(plan, /SCAN delivery/);

  const claim = database.claim(request);
  assert.equal(claim?.destination, "d0.example", "the first due one; d1 is busy only later");
  assert.equal(claim?.leased.length, 20);
});
