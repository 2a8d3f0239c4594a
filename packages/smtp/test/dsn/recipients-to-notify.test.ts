import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type DsnAction,
  type Envelope,
  type EnvelopeRecipient,
  recipientsToNotify,
} from "@posthouse/smtp";

const actions: DsnAction[] = ["failed", "delayed", "delivered", "relayed", "expanded"];

const cases: { notify: EnvelopeRecipient["notify"] | "absent"; told: DsnAction[] }[] = [
  { notify: "absent", told: ["failed", "delayed"] },
  { notify: ["NEVER"], told: [] },
  { notify: ["FAILURE"], told: ["failed"] },
  { notify: ["DELAY"], told: ["delayed"] },
  { notify: ["SUCCESS"], told: ["delivered", "relayed", "expanded"] },
  { notify: ["SUCCESS", "FAILURE"], told: ["failed", "delivered", "relayed", "expanded"] },
];

const envelopeWith = (recipients: EnvelopeRecipient[], reversePath = "ann@a.test"): Envelope => ({
  version: 1,
  messageId: "m1",
  receivedAtMs: 0,
  client: { address: "", helo: "", protocol: "ESMTP" },
  reversePath,
  recipients,
  body: "7BIT",
  smtpUtf8: false,
  requireTls: false,
  priority: 0,
  verdicts: {},
});

const bob = { address: "bob@b.test", originalAddress: "bob@b.test", isLocal: false };

for (const { notify, told } of cases) {
  test(`with NOTIFY ${String(notify)} the sender hears of ${told.join(", ") || "nothing"}`, () => {
    const recipient = notify === "absent" || notify === undefined ? bob : { ...bob, notify };
    const outcomes = actions.map((action) => ({ address: bob.address, action }));
    const heard = recipientsToNotify(envelopeWith([recipient]), outcomes);
    assert.deepEqual(
      heard.map(({ action }) => action),
      told,
    );
    assert.deepEqual(recipientsToNotify(envelopeWith([recipient], ""), outcomes), []);
  });
}

test("two aliases of one address are told apart by what the sender wrote", () => {
  const envelope = envelopeWith([
    { ...bob, originalAddress: "info@b.test", notify: ["NEVER"] },
    { ...bob, originalAddress: "sales@b.test" },
  ]);
  const outcomes = ["info@b.test", "sales@b.test"].map((originalAddress) => ({
    address: bob.address,
    originalAddress,
    action: "failed" as const,
  }));
  assert.deepEqual(
    recipientsToNotify(envelope, outcomes).map(({ originalAddress }) => originalAddress),
    ["sales@b.test"],
  );
});
