import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { beginsWithHeader, withoutFields } from "../src/message-head.ts";

const without = (head: string): string =>
  withoutFields(Buffer.from(head, "latin1"), ["return-path"]).toString("latin1");

const cases: readonly (readonly [name: string, head: string, left: string])[] = [
  ["a header without one", "Subject: x\r\n\r\nbody", "Subject: x\r\n\r\nbody"],
  ["the first field", "Return-Path: <a@b>\r\nSubject: x\r\n\r\n", "Subject: x\r\n\r\n"],
  [
    "a folded one",
    "A: b\r\nreturn-path:\r\n <a@b>\r\n\t(x)\r\nC: d\r\n\r\n",
    "A: b\r\nC: d\r\n\r\n",
  ],
  ["two of them", "Return-Path: <>\r\nA: b\r\nReturn-Path: <c@d>\r\n\r\n", "A: b\r\n\r\n"],
  ["one in the body", "A: b\r\n\r\nReturn-Path: <>\r\n", "A: b\r\n\r\nReturn-Path: <>\r\n"],
  ["one and nothing else", "Return-Path: <>\r\n", ""],
];

for (const [name, head, left] of cases) {
  test(`withoutFields(): ${name}`, () => assert.equal(without(head), left));
}

test("whatever the octets are, only Return-Path fields of the header go", () => {
  const piece = fc.constantFrom(
    "Return-Path: <a@b>\r\n",
    "A: b\r\n",
    " folded\r\n",
    "\r\n",
    "\xff\n",
    "x",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const head = pieces.join("");
      const left = without(head);
      assert.equal(without(left), left);
      const bodyAt = head.indexOf("\r\n\r\n");
      if (bodyAt >= 0 && !head.startsWith("\r\n")) assert.ok(left.endsWith(head.slice(bodyAt + 4)));
    }),
  );
});

const beginnings: readonly (readonly [head: string, hasHeader: boolean])[] = [
  ["Subject: x\r\n\r\nbody", true],
  ["Subject : x\r\n", true],
  ["\r\nbody", true],
  ["", true],
  [" folded\r\n\r\nx", false],
  ["Hello there\r\nNote: me\r\n", false],
  ["From here: on\r\n", true],
  ["From ann@here.example Sun Nov 22 07:00:00 2026\r\nSubject: x\r\n", true],
  [">From ann@here.example\r\nSubject: x\r\n", true],
];
for (const [head, hasHeader] of beginnings) {
  test(`beginsWithHeader() of ${JSON.stringify(head)} is ${hasHeader}`, () =>
    assert.equal(beginsWithHeader(Buffer.from(head)), hasHeader));
}
