import assert from "node:assert/strict";
import { test } from "node:test";
import { headerValue, headerValues, parseHeader, selectHeaderFields } from "../src/index.ts";
import { binary, message, octets } from "./message-text.ts";

const header = message(
  "From: ann@example.org",
  "SUBJECT : folded",
  "\tonce",
  "no field at all",
  "X-Empty:",
  "Received: one",
  "Received: two",
  "",
  "Body: not a field",
);

test("parseHeader() gives each field its name, its octets and its value, up to the empty line", () => {
  const fields = parseHeader(header);
  assert.deepEqual(
    fields.map(({ name, raw }) => [name, binary(raw)]),
    [
      ["from", "From: ann@example.org\r\n"],
      ["subject", "SUBJECT : folded\r\n\tonce\r\n"],
      ["", "no field at all\r\n"],
      ["x-empty", "X-Empty:\r\n"],
      ["received", "Received: one\r\n"],
      ["received", "Received: two\r\n"],
    ],
  );
  const [from] = fields;
  assert.equal(from && binary(header.subarray(from.valueStart, from.end)), " ann@example.org\r\n");
});

const selections = [
  {
    name: "the named fields in the order of the header, and the empty line",
    names: ["Received", "FROM", "X-Absent"],
    not: false,
    expected: "From: ann@example.org\r\nReceived: one\r\nReceived: two\r\n\r\n",
  },
  {
    name: "folded fields whole",
    names: ["subject"],
    not: false,
    expected: "SUBJECT : folded\r\n\tonce\r\n\r\n",
  },
  {
    name: "the empty line alone when no field has the name",
    names: ["to"],
    not: false,
    expected: "\r\n",
  },
  {
    name: "all but the named fields with NOT, also lines that are no field",
    names: ["received", "from", "x-empty"],
    not: true,
    expected: "SUBJECT : folded\r\n\tonce\r\nno field at all\r\n\r\n",
  },
  { name: "nothing for the empty name", names: [""], not: false, expected: "\r\n" },
];

for (const { name, names, not, expected } of selections) {
  test(`selectHeaderFields() gives ${name} (RFC 9051 §6.4.5.1)`, () => {
    assert.equal(binary(selectHeaderFields(header, names, { not })), expected);
  });
}

test("selectHeaderFields() adds no empty line where the message has none", () => {
  const cut = octets("Subject: x\r\nTo: y");
  assert.equal(binary(selectHeaderFields(cut, ["to"])), "To: y");
  assert.equal(binary(selectHeaderFields(cut, ["subject"])), "Subject: x\r\n");
});

test("headerValue() unfolds and trims the first value", () => {
  assert.equal(headerValue(header, "Subject"), "folded\tonce");
  assert.equal(headerValue(header, "x-empty"), "");
  assert.equal(headerValue(header, "to"), undefined);
  assert.deepEqual(headerValues(header, "received"), ["one", "two"]);
});

test("headerValue() reads raw octets as UTF-8, else one character each (RFC 6532 §3.2)", () => {
  assert.equal(headerValue(octets("Subject: \xc3\xa4\r\n"), "subject"), "ä");
  assert.equal(headerValue(octets("Subject: \xe4\r\n"), "subject"), "ä");
});

test("parseHeader() takes 4 MiB of continuation lines in one pass", () => {
  const long = octets(`Subject: x\r\n${" y\r\n".repeat(1_000_000)}`);
  assert.equal(parseHeader(long).length, 1);
});
