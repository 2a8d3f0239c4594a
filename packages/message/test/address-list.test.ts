import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Address, parseAddressList } from "../src/index.ts";

/** `name <local|domain>`, or `name:(members)`. */
function shown(address: Address): string {
  if (address.kind === "group") return `${address.name}:(${address.members.map(shown).join(", ")})`;
  const { name, route, localPart, domain } = address;
  return `${name === undefined ? "" : `${name} `}<${route === undefined ? "" : `${route}:`}${localPart}|${domain}>`;
}

const cases = [
  { name: "a bare address", value: "ann@example.org", expected: ["<ann|example.org>"] },
  {
    name: "names (RFC 5322 appendix A.1.2)",
    value:
      '"Joe Q. Public" <john.q.public@example.com>, Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>',
    expected: [
      "Joe Q. Public <john.q.public|example.com>",
      "Mary Smith <mary|x.test>",
      "<jdoe|example.org>",
      "Who? <one|y.test>",
    ],
  },
  {
    name: "quoted names with quotes inside (RFC 5322 appendix A.1.2)",
    value: '<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
    expected: ["<boss|nil.test>", 'Giant; "Big" Box <sysservices|example.net>'],
  },
  {
    name: "groups (RFC 5322 appendix A.1.3)",
    value: "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
    expected: ["A Group:(Ed Jones <c|a.test>, <joe|where.test>, John <jdoe|one.test>)"],
  },
  {
    name: "comments everywhere (RFC 5322 appendix A.5)",
    value:
      "A Group(Some people) :Chris Jones <c@(Chris's host.)public.example>, joe@example.org, John <jdoe@one.test> (my dear friend); (the end of the group)",
    expected: ["A Group:(Chris Jones <c|public.example>, <joe|example.org>, John <jdoe|one.test>)"],
  },
  {
    name: "a comment with an escaped parenthesis (RFC 5322 appendix A.5)",
    value: "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
    expected: ["Pete <pete|silly.test>"],
  },
  {
    name: "an empty group with nested comments (RFC 5322 appendix A.5)",
    value: "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
    expected: ["Hidden recipients:()"],
  },
  {
    name: "routes, empty items and white space around dots (RFC 5322 appendix A.6.1)",
    value:
      "Joe Q. Public <john.q.public@example.com>, , Mary Smith <@node.test,@x.test:mary@example.net>, , jdoe@test  . example",
    expected: [
      "Joe Q. Public <john.q.public|example.com>",
      "Mary Smith <@node.test,@x.test:mary|example.net>",
      "<jdoe|test.example>",
    ],
  },
  {
    name: "a comment as the name",
    value: "ann@example.org (Ann B.)",
    expected: ["Ann B. <ann|example.org>"],
  },
  { name: "a quoted local part", value: '"a b@c"@example.org', expected: ["<a b@c|example.org>"] },
  {
    name: "a domain literal",
    value: "a@[192.0.2.1], b@[IPv6:2001:db8::1]",
    expected: ["<a|[192.0.2.1]>", "<b|[IPv6:2001:db8::1]>"],
  },
  { name: "a semicolon for a comma", value: "a@b; c@d", expected: ["<a|b>", "<c|d>"] },
  { name: "a forgotten comma", value: "A <a@b> C <c@d>", expected: ["A <a|b>", "C <c|d>"] },
  {
    name: "a name without an address",
    value: "Some Body, root, <>",
    expected: ["Some Body <|>", "<root|>", "<|>"],
  },
  { name: "an open angle", value: "Ann <ann@example.org", expected: ["Ann <ann|example.org>"] },
  { name: "a group without its end", value: "g: a@b", expected: ["g:(<a|b>)"] },
  {
    name: "an encoded word with specials inside (RFC 2047 §5)",
    value: "=?utf-8?q?a,b:c@d?= <a@b>",
    expected: ["=?utf-8?q?a,b:c@d?= <a|b>"],
  },
  {
    name: "UTF-8 (RFC 6532 §3.2)",
    value: "Jörg <jörg@müller.example>",
    expected: ["Jörg <jörg|müller.example>"],
  },
  { name: "nothing at all", value: " (only a comment) ,, ", expected: [] },
];

for (const { name, value, expected } of cases) {
  test(`parseAddressList() reads ${name}`, () => {
    assert.deepEqual(parseAddressList(value).map(shown), expected);
  });
}

test("parseAddressList() takes any text", () => {
  const piece = fc.constantFrom(
    "<",
    ">",
    ",",
    ";",
    ":",
    "@",
    '"',
    "(",
    ")",
    "[",
    "]",
    "\\",
    " ",
    ".",
    "a",
    "=?",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join("")),
  );
  fc.assert(
    fc.property(text, (value) => {
      assert.ok(Array.isArray(parseAddressList(value)));
    }),
    { numRuns: 1_000 },
  );
});

for (const piece of [
  "(",
  "<",
  '"',
  "[",
  ":",
  "@",
  "=?",
  "\\",
  ",",
  "a.",
  "a ",
  "<a@b>",
  "=?a?b?",
]) {
  test(`parseAddressList() reads 200,000 times ${piece} in one pass`, () => {
    assert.ok(parseAddressList(piece.repeat(200_000)).length >= 0);
  });
}

test("a > that was forgotten swallows no address behind it", () => {
  const addresses = parseAddressList("Ann <ann@example.org, Bob <bob@example.net>; <@a,@b:c@d>");
  assert.deepEqual(addresses, [
    { kind: "mailbox", name: "Ann", localPart: "ann", domain: "example.org" },
    { kind: "mailbox", name: "Bob", localPart: "bob", domain: "example.net" },
    { kind: "mailbox", route: "@a,@b", localPart: "c", domain: "d" },
  ]);
});
