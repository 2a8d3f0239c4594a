import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type OctetSource, scanMbox } from "../mbox/mbox-scanner.ts";
import { isInternalMessage, StoredUids, surveyMbox } from "./mbox-source.ts";

function sourceOf(text: string): OctetSource {
  const octets = Buffer.from(text, "latin1");
  return {
    sizeBytes: octets.length,
    read: (offset, length) => octets.subarray(offset, offset + length),
  };
}

const piece = fc.oneof(
  fc.constantFrom(
    "From a@b Mon Jan  1 00:00:00 2001\n",
    "From a@b Xxx Jan 99 99:99:99 9999\n",
    "From a@b Mon Feb 99 99:99:99 0000 -9999\n",
    "X-IMAPbase: 5 40 todo\n",
    "X-IMAP: 5 4294967295\n",
    "X-IMAPbase: 0 0\n",
    "X-Keywords: a b ( \\x todo\n",
    "\n",
    "\r\n",
    " folded\n",
    "\0",
  ),
  fc.integer({ min: -1, max: 60 }).map((uid) => `X-UID: ${uid}\n`),
  fc.string({ maxLength: 8 }),
);

test("of any octets the UIDs that stay grow, and are none above the last that was given out", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const source = sourceOf(pieces.join(""));
      const uids = new StoredUids();
      const given: number[] = [];
      let messages = 0;
      for (const message of scanMbox(source)) {
        const uid = uids.uidOf(message);
        assert.ok(Number.isFinite(message.dateMs));
        if (isInternalMessage(message)) continue;
        messages += 1;
        if (uid !== undefined) given.push(uid);
      }
      assert.deepEqual(
        given,
        [...new Set(given)].sort((a, b) => a - b),
      );
      assert.ok((given.at(-1) ?? 0) <= (uids.base?.uidLast ?? 0));
      const steps = surveyMbox(source);
      let step = steps.next();
      while (step.done !== true) step = steps.next();
      assert.equal(step.value.messages, messages);
      assert.equal(step.value.withoutUid, messages - given.length);
    }),
    { numRuns: 2_000 },
  );
});
