import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatFromLine } from "./from-line.ts";
import { type OctetSource, octetsBetween, scanMbox, servedSizeOf } from "./mbox-scanner.ts";
import { formatOwnNotes, storeFieldOf } from "./store-fields.ts";
import { encodeStored, planEncoding } from "./stored-encoder.ts";
import { StoredDecoder } from "./stored-octets.ts";

function sourceOf(octets: Buffer): OctetSource {
  return {
    sizeBytes: octets.length,
    read: (offset, length) => octets.subarray(offset, offset + length),
  };
}

/** As it stands in an mbox, and what will be served of it. */
function stored(pieces: readonly Uint8Array[], uid: number): Buffer {
  const plan = planEncoding(pieces);
  const notes = {
    savedSeconds: 1_795_337_227,
    bodyBytes: plan.bodyBytes,
    storedBytes: plan.contentLength,
    form: plan.form,
  };
  const head = `X-UID: ${uid}\nContent-Length: ${plan.contentLength}\nX-Posthouse-Mbox: ${formatOwnNotes(notes)}\n`;
  return Buffer.concat([
    Buffer.from(formatFromLine("ann@example.org", 0) + head),
    ...encodeStored(pieces, plan.form),
    Buffer.from("\n"),
  ]);
}

function servedFrom(octets: Buffer): Buffer[] {
  const source = sourceOf(octets);
  return Array.from(scanMbox(source), (message) => {
    const decoder = new StoredDecoder(message.form);
    const pieces = [];
    for (const one of octetsBetween(source, message.headerOffset, message.bodyEnd)) {
      // In small pieces, so that every state of the decoder is left and entered.
      for (let at = 0; at < one.length; at += 7)
        pieces.push(decoder.convert(one.subarray(at, at + 7)));
    }
    const all = Buffer.concat([...pieces, decoder.end()]);
    assert.equal(servedSizeOf(source, message), all.length);
    return all;
  });
}

const fragment = fc.constantFrom(
  "From ",
  ">From ",
  ">>",
  "From ann@example.org Sun Nov 22 08:47:07 2026\n",
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  " folded",
  "\t",
  "Subject: x",
  "Status: RO",
  "X-UID: 7\r\n",
  "Content-Length: 3\r\n",
  "X-Posthouse-Mbox: saved=1 body=1/1 body",
  "X-IMAPbase: 1 1",
  ":",
);
const anyMessage = fc
  .array(
    fc.oneof(
      fragment.map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 20 }),
    ),
    {
      maxLength: 14,
    },
  )
  .map((pieces) => Buffer.concat(pieces));
const crlfMessage = anyMessage.map((octets) =>
  Buffer.from(octets.toString("latin1").replace(/\r*\n/g, "\r\n"), "latin1"),
);

/** What is dropped of a message, said in another way than the code says it. */
function withoutStoreFields(message: Buffer): Buffer {
  const text = message.toString("latin1");
  if (/^[ \t]/.test(text)) return message;
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const end = lines.findIndex((line) => line === "\n" || line === "\r\n");
  if (end < 0 && lines.at(-1) === "\r") return message;
  const kept: string[] = [];
  let isDropping = false;
  for (const line of lines.slice(0, end < 0 ? lines.length : end)) {
    if (!/^[ \t]/.test(line))
      isDropping = storeFieldOf(Buffer.from(line.slice(0, 25), "latin1")) !== undefined;
    if (!isDropping) kept.push(line);
  }
  return Buffer.from([...kept, ...(end < 0 ? [] : lines.slice(end))].join(""), "latin1");
}

test("any messages come back octet by octet, but for the store's own fields", () => {
  const messages = fc.array(fc.oneof(anyMessage, crlfMessage), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(messages, fc.integer({ min: 1, max: 9 }), (all, cut) => {
      const file = Buffer.concat(
        all.map((octets, at) => stored([octets.subarray(0, cut), octets.subarray(cut)], at + 1)),
      );
      assert.deepEqual(servedFrom(file), all.map(withoutStoreFields));
    }),
    { numRuns: 3_000 },
  );
});

test("a program that believes no Content-Length finds the same messages", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(anyMessage, crlfMessage), { minLength: 1, maxLength: 5 }),
      (all) => {
        const file = Buffer.concat(all.map((octets, at) => stored([octets], at + 1)));
        const lengthless = file
          .toString("latin1")
          .replace(/^Content-Length: .*\n/gm, "X-Other: 1\n");
        const found = [...scanMbox(sourceOf(Buffer.from(lengthless, "latin1")))];
        assert.equal(found.length, all.length);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("any octets are an mbox of some messages that lie one after the other", () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 4 }), (all) => {
      const file = Buffer.concat(all);
      let end = 0;
      for (const message of scanMbox(sourceOf(file))) {
        assert.ok(message.fromOffset >= end && message.headerOffset > message.fromOffset);
        assert.ok(message.bodyOffset >= message.headerOffset);
        assert.ok(message.bodyEnd >= message.bodyOffset && message.nextOffset >= message.bodyEnd);
        end = message.nextOffset;
      }
      assert.ok(end <= file.length);
    }),
    { numRuns: 2_000 },
  );
});
