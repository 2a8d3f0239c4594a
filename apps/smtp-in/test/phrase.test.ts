import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeEncodedWords, headerValues } from "@posthouse/message";
import { ENVELOPE_VERSION, type Envelope } from "@posthouse/smtp";
import fc from "fast-check";
import { listMessage } from "../src/lists/list-message.ts";
import { phrase } from "../src/lists/phrase.ts";

test("a name of anything is one display name, and no field of its own", () => {
  const word = String.raw`=\?UTF-8\?B\?[A-Za-z0-9+/]+={0,2}\?=`;
  const isPhrase = new RegExp(`^(?:"(?:[^"\\\\]|\\\\["\\\\])*"|${word}(?:\r\n ${word})*)$`);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 150 }), (name) => {
      const written = phrase(name);
      assert.match(written, isPhrase);
      assert.match(written, /^[ -~\r\n]*$/);
      for (const line of written.split("\r\n")) assert.ok(line.length <= 500);
    }),
  );
});

test("a name is kept as it is", () => {
  assert.equal(phrase('Ann "the" \\o'), String.raw`"Ann \"the\" \\o"`);
  const long = "Gesangverein Frohsinn Köln-Ehrenfeld 1862 und Freunde";
  assert.equal(decodeEncodedWords(phrase(long).replaceAll("\r\n", "")), long);
});

test("whatever the header is, a list puts its own author and fields in front, once", () => {
  const line = fc.oneof(
    fc
      .string({ unit: "binary-ascii", maxLength: 60 })
      .map((text) => text.replaceAll(/[\r\n\0]/g, "")),
    fc.constantFrom(
      "From: a@b.example",
      'From: "x\r\n y" <a@b.example>, c',
      "from:",
      "Reply-To: z@z.example",
      "List-Id: <x>",
      " folded",
    ),
  );
  const address = "news@example.test";
  const recipient = { address, originalAddress: address, isLocal: true };
  const policy = { address, posts: "anybody", posters: [] } as const;
  const envelope: Envelope = {
    version: ENVELOPE_VERSION,
    messageId: "m",
    receivedAtMs: 0,
    client: { address: "", helo: "", protocol: "" },
    reversePath: "a@b.example",
    recipients: [recipient],
    body: "7BIT",
    smtpUtf8: false,
    requireTls: false,
    priority: 0,
    verdicts: {},
  };
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\nbody\r\n`, "latin1");
      const author = { proof: "proven", isSigned: false, isProtected: true } as const;
      const about = { envelope, head, before: Buffer.alloc(0), author, isFromChecked: false };
      const sent = listMessage({ policy, members: [], recipient }, about);
      const message = Buffer.concat([sent.before, sent.head]);
      assert.equal(headerValues(message, "list-id").length, 1);
      const [from, ...others] = headerValues(message, "from");
      assert.match(from ?? "", /news" <news@example\.test>$|=\?= <news@example\.test>$/);
      assert.deepEqual(others, []);
      assert.ok(message.toString("latin1").endsWith("body\r\n"));
    }),
  );
});
