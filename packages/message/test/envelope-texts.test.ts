import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type EnvelopeField, EnvelopeTexts, imapEnvelope } from "../src/index.ts";

/** As the store makes it. */
const envelopeOf = (...header: readonly string[]): EnvelopeTexts =>
  new EnvelopeTexts(imapEnvelope(Buffer.from([...header, "", ""].join("\r\n"))));

const cases: readonly {
  readonly name: string;
  readonly header: string;
  readonly field: EnvelopeField;
  readonly texts: readonly string[];
}[] = [
  {
    name: "a folded subject is one line",
    header: "Subject: one\r\n two",
    field: "subject",
    texts: ["one two"],
  },
  {
    name: "encoded words are what they say",
    header: "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= aus =?iso-8859-1?Q?K=F6ln?=",
    field: "subject",
    texts: ["Grüße aus Köln"],
  },
  {
    name: "UTF-8 comes in a literal",
    header: "Subject: Grüße",
    field: "subject",
    texts: ["Grüße"],
  },
  {
    name: "quotes and backslashes are themselves",
    header: 'Subject: a "b" \\c {3}',
    field: "subject",
    texts: ['a "b" \\c {3}'],
  },
  { name: "an empty field is there", header: "Subject:", field: "subject", texts: [""] },
  { name: "what is not there has no text", header: "To: a@b", field: "subject", texts: [] },
  { name: "NIL is a subject too", header: "Subject: NIL", field: "subject", texts: ["NIL"] },
  {
    name: "a name that needs quotes comes with and without",
    header: 'From: "Doe, John" <john@example.org>',
    field: "from",
    texts: ["Doe, John <john@example.org>", '"Doe, John" <john@example.org>'],
  },
  {
    name: "a name in encoded words is decoded",
    header: "To: =?utf-8?q?J=C3=BCrgen?= <j@example.org>, ann@example.org",
    field: "to",
    texts: ["Jürgen <j@example.org>, <ann@example.org>"],
  },
  {
    name: "a group has a name and members",
    header: "Cc: list: a@b.c, Zoe <z@b.c>;, d@e.f",
    field: "cc",
    texts: ["list: <a@b.c>, Zoe <z@b.c>;, <d@e.f>"],
  },
  {
    name: "Message-ID stands as it is",
    header: "Message-ID:  <1@example.org>",
    field: "message-id",
    texts: ["<1@example.org>"],
  },
];
for (const { name, header, field, texts } of cases) {
  test(`texts(): ${name}`, () => {
    assert.deepEqual(envelopeOf(header).texts(field), texts);
  });
}

test("the subject of any envelope is the one that was put in", () => {
  const subject = fc.string({ unit: "grapheme", maxLength: 30 }).map((text) =>
    text
      .replaceAll(/\p{Cc}/gu, "")
      .replaceAll("=?", "")
      .replaceAll(/^[ \t]+|[ \t]+$/g, ""),
  );
  fc.assert(
    fc.property(subject, (text) => {
      assert.deepEqual(envelopeOf(`Subject: ${text}`, "From: a@b").texts("subject"), [text]);
    }),
  );
});

test("octets that are no envelope have no texts, and do no harm", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
      const envelope = new EnvelopeTexts(Buffer.concat([Buffer.from("(("), octets]));
      assert.ok(Array.isArray(envelope.texts("from")));
    }),
  );
});
