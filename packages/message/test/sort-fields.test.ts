import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareCasemapped, sortFields, splitSubject, unicodeCasemap } from "../src/index.ts";

const collated: readonly (readonly [text: string, key: string, why: string])[] = [
  ["Straße", "STRAßE", "ß has no title case of one letter"],
  ["é", "E\u0301", "letters are taken apart"],
  ["\u01c4\u01c5\u01c6", "Dz\u030cDz\u030cDz\u030c", "the example of RFC 5051 §2"],
  ["\u1f80\u1f88", "\u0391\u0313\u0345\u0391\u0313\u0345", "iota below stays below"],
  ["ﬁ", "fi", "ligatures have no title case"],
  ["\u10d0", "\u10d0", "Georgian has no title case"],
  ["ａ", "A", "wide letters are letters"],
];
for (const [text, key, why] of collated) {
  test(`unicodeCasemap("${text}"): ${why}`, () => {
    assert.equal(unicodeCasemap(text), key.normalize("NFKD"));
  });
}

test("keys of i;unicode-casemap are ordered as their UTF-8 octets", () => {
  const text = fc.string({ unit: "binary", maxLength: 8 });
  fc.assert(
    fc.property(text, text, (one, other) => {
      const [a, b] = [unicodeCasemap(one), unicodeCasemap(other)];
      assert.equal(
        Math.sign(compareCasemapped(a, b)),
        Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
    }),
  );
});

const subjects: readonly (readonly [subject: string, text: string, isReply: boolean])[] = [
  ["hello", "hello", false],
  ["[list] hello", "hello", false],
  ["Re: hello", "hello", true],
  ["hello (fwd)", "hello", true],
  ["[fwd: hello]", "hello", true],
  ["fw [x]: [y] hello", "hello", true],
  ["regarding: hello", "regarding: hello", false],
];
for (const [subject, text, isReply] of subjects) {
  test(`"${subject}" is ${isReply ? "a reply" : "no reply"} with the base subject "${text}"`, () => {
    assert.deepEqual(splitSubject(subject), { text, isReply });
  });
}

const fieldsOf = (...lines: readonly string[]) =>
  sortFields(Buffer.from([...lines, "", ""].join("\r\n")));

test("a message without fields sorts by nothing", () => {
  assert.deepEqual(fieldsOf(), {
    sentMs: undefined,
    subject: "",
    isReply: false,
    from: "",
    to: "",
    cc: "",
    displayFrom: "",
    displayTo: "",
    messageId: undefined,
    references: [],
  });
});

test("addresses sort by local part, and as displayed by name or address", () => {
  const { from, displayFrom, to, displayTo, cc } = fieldsOf(
    'From: "Ann B." <zoe@example.org>, bob@example.org',
    "To: carol@example.org",
    "Cc: friends: a@b, c@d;",
  );
  assert.deepEqual(
    [from, displayFrom, to, displayTo, cc],
    ["ZOE", "ANN B.", "CAROL", "CAROL@EXAMPLE.ORG", "FRIENDS"],
  );
});

test("References go before In-Reply-To, of which only the first counts", () => {
  assert.deepEqual(fieldsOf("References: <a@x> <b@x>", "In-Reply-To: <c@x>").references, [
    "a@x",
    "b@x",
  ]);
  assert.deepEqual(fieldsOf("References: none", "In-Reply-To: <c@x> <d@x>").references, ["c@x"]);
});

test("of a hundred thousand references the last ones count", () => {
  const ids = Array.from({ length: 100_000 }, (_, at) => `<${at}@x>`);
  const { references } = fieldsOf(`References: ${ids.join(" ")}`);
  assert.equal(references.length, 256);
  assert.equal(references.at(-1), "99999@x");
});

test("any header has sort fields, of bounded length", () => {
  const line = fc.tuple(
    fc.constantFrom("From", "To", "Cc", "Date", "Subject", "References", "Message-ID", "X"),
    fc.string({ unit: "binary", maxLength: 60 }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const fields = fieldsOf(...lines.map(([name, value]) => `${name}: ${value}`));
      assert.ok(fields.subject.length <= 512 && fields.references.length <= 256);
    }),
  );
});
