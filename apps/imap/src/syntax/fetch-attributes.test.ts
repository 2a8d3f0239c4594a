import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandFailure } from "../response.ts";
import { CommandReader } from "./command-reader.ts";
import { readFetchAttributes } from "./fetch-attributes.ts";

const read = (text: string) => {
  const args = new CommandReader([text]);
  const attributes = readFetchAttributes(args);
  args.end();
  return attributes;
};

const labels = [
  { text: "BODY[]", label: "BODY[]" },
  { text: "body.peek[text]<0.100>", label: "BODY[TEXT]<0>" },
  { text: "BODY[1.2.MIME]", label: "BODY[1.2.MIME]" },
  { text: "BODY[3.HEADER]", label: "BODY[3.HEADER]" },
  { text: "BODY[4.1.2]<5.1>", label: "BODY[4.1.2]<5>" },
  {
    text: 'BODY.PEEK[HEADER.FIELDS (Date "From" {3}',
    literal: "X:Y",
    rest: ")]",
    label: "BODY[HEADER.FIELDS (Date From X:Y)]",
  },
  {
    text: "BODY[1.HEADER.FIELDS.NOT (Received)]<0.10>",
    label: "BODY[1.HEADER.FIELDS.NOT (Received)]<0>",
  },
  { text: "RFC822.HEADER", label: "RFC822.HEADER" },
];
for (const { text, label, literal, rest } of labels) {
  test(`${text} is answered as ${label}`, () => {
    const args =
      literal === undefined
        ? new CommandReader([text])
        : new CommandReader([text, rest], [Buffer.from(literal)]);
    const [attribute] = readFetchAttributes(args);
    args.end();
    assert.ok(attribute?.kind === "section");
    assert.equal(attribute.label, label);
  });
}

for (const text of [
  "BODY[1.]",
  "BODY[.TEXT]",
  "BODY[MIME]",
  "BODY[0]",
  "BODY[1.0]",
  "BODY[TEXT.1]",
  "BODY[HEADER.FIELDS]",
  "BODY[HEADER.FIELDS ()]",
  "BODY[]<0.0>",
  "BODY[]<0>",
  "BODY[",
  "BODY.PEEK",
  "()",
  "(FAST)",
  "(FLAGS  UID)",
  "FLAGS UID",
  "BINARY[1.TEXT]",
  "BINARY.SIZE[1]<0.5>",
  "BINARY",
  "BINARYX[1]",
  "PREVIEW (SOON)",
  `BODY[${"1.".repeat(200)}1]`,
]) {
  test(`${text.slice(0, 30)} is BAD`, () => {
    assert.throws(
      () => read(text),
      (error) => error instanceof CommandFailure && error.condition === "BAD",
    );
  });
}

test("a macro is what RFC 3501 §6.4.5 says it is", () => {
  const names = (text: string) =>
    read(text).map((item) => ("name" in item ? item.name : item.kind));
  assert.deepEqual(names("fast"), ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]);
  assert.deepEqual(names("ALL"), ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"]);
  assert.deepEqual(names("FULL"), ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"]);
});
