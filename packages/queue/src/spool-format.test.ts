import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { exampleEnvelope } from "../test/example-envelope.ts";
import type { FinalStatus } from "./outcome.ts";
import { SpoolDamaged } from "./spool-damaged.ts";
import { foldRecords } from "./spool-file.ts";
import {
  formatHeader,
  formatRecord,
  HEADER_BYTES,
  parseHeader,
  parseRecords,
  type SpoolRecord,
} from "./spool-format.ts";

const atMs = fc.nat();
const reply = fc.record(
  { code: fc.integer({ min: 200, max: 599 }), enhanced: fc.constant("4.2.0"), text: fc.string() },
  { requiredKeys: ["code", "text"] },
);
const outcome = fc.record(
  {
    recipient: fc.nat({ max: 100 }),
    status: fc.constantFrom<FinalStatus>("delivered", "relayed", "failed"),
    reply,
    remoteHost: fc.domain(),
    tellsSender: fc.constant(true),
  },
  { requiredKeys: ["recipient", "status", "reply"] },
);
const record: fc.Arbitrary<SpoolRecord> = fc.oneof(
  fc.string().map((helo): SpoolRecord => {
    const client = { address: "", helo, protocol: "ESMTP" };
    return { type: "envelope", envelope: exampleEnvelope({ client }) };
  }),
  fc.record({ type: fc.constant("outcome" as const), atMs, outcomes: fc.array(outcome) }),
  fc.record({
    type: fc.constant("notified" as const),
    atMs,
    about: fc.constantFrom("final" as const, "delay" as const),
    recipients: fc.array(fc.nat()),
  }),
  fc.record({ type: fc.constant("hold" as const), atMs }),
  fc.record({ type: fc.constant("resume" as const), atMs }),
);
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("a header reads back as it was written", () => {
  const anyHeader = fc.record({
    messageBytes: fc.nat({ max: 999_999_999_999_999 }),
    messageCrc: fc.nat({ max: 0xffffffff }),
  });
  fc.assert(
    fc.property(anyHeader, (header) => {
      const octets = formatHeader(header);
      assert.equal(octets.length, HEADER_BYTES);
      assert.deepEqual(parseHeader(octets), plain(header));
    }),
  );
});

test("records read back as they were written", () => {
  fc.assert(
    fc.property(fc.array(record), (records) => {
      const tail = Buffer.concat(records.map(formatRecord));
      assert.deepEqual(plain(parseRecords(tail)), plain(records));
    }),
  );
});

test("a record that was cut off anywhere is left out, and what is appended after it counts", () => {
  fc.assert(
    fc.property(record, record, record, fc.nat(), (first, torn, last, at) => {
      const octets = formatRecord(torn);
      // Without its last LF only, a record is whole.
      const cut = octets.subarray(0, at % (octets.length - 1));
      const tail = Buffer.concat([formatRecord(first), cut, formatRecord(last)]);
      assert.deepEqual(plain(parseRecords(tail)), plain([first, last]));
    }),
  );
});

test("whatever the file holds, its parsers throw SpoolDamaged or nothing", () => {
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string().map((text) => formatHeader({ messageBytes: 1, messageCrc: 2 }).fill(text, 20)),
    // Sound checksums over anything: what another version, or a fault, may have written.
    fc.json().map((json) => formatRecord(JSON.parse(json) as SpoolRecord)),
  );
  fc.assert(
    fc.property(octets, (file) => {
      for (const parse of [() => parseHeader(file), () => foldRecords(parseRecords(file))]) {
        try {
          parse();
        } catch (error) {
          assert.ok(error instanceof SpoolDamaged, String(error));
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test("a version that is not known is refused and named", () => {
  const later = Buffer.from(
    formatHeader({ messageBytes: 1, messageCrc: 2 }).toString().replace("spool 1", "spool 2"),
  );
  assert.throws(() => parseHeader(later), { message: /version 2, and this program knows 1/ });
});

test("records of an unknown kind are skipped", () => {
  const strange = { type: "priority", atMs: 1, level: 7 } as unknown as SpoolRecord;
  const known: SpoolRecord = { type: "hold", atMs: 2 };
  const tail = Buffer.concat([formatRecord(strange), formatRecord(known)]);
  assert.deepEqual(parseRecords(tail), [known]);
});
