import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { decodeTransferEncoding } from "../src/index.ts";
import { binary, octets } from "./message-text.ts";

function decode(encoding: string, pieces: readonly Uint8Array[]): string {
  const decoder = decodeTransferEncoding(encoding);
  assert.ok(decoder);
  const decoded = pieces.map((piece) => binary(decoder.push(piece))).join("");
  return decoded + binary(decoder.end());
}

const cases = [
  { encoding: "base64", name: "padding", text: "YWI=", expected: "ab" },
  { encoding: "base64", name: "lines (RFC 2045 §6.8)", text: "YW\r\nJj\r\n", expected: "abc" },
  {
    encoding: "BASE64",
    name: "octets that are not of the alphabet",
    text: "Y-W*J j",
    expected: "abc",
  },
  { encoding: "base64", name: "blocks that were joined", text: "YQ==YmM=", expected: "abc" },
  { encoding: "base64", name: "no padding", text: "YWI", expected: "ab" },
  {
    encoding: "quoted-printable",
    name: "escapes in either case",
    text: "=C3=a4",
    expected: "\xc3\xa4",
  },
  {
    encoding: "quoted-printable",
    name: "soft line breaks (RFC 2045 §6.7)",
    text: "a=\r\nb= \t\r\nc=\nd",
    expected: "abcd",
  },
  {
    encoding: "quoted-printable",
    name: "white space at line ends",
    text: "a \t\r\nb \nc  ",
    expected: "a\r\nb\nc",
  },
  {
    encoding: "quoted-printable",
    name: "encoded white space at line ends",
    text: "a=20\r\n",
    expected: "a \r\n",
  },
  {
    encoding: "quoted-printable",
    name: "escapes that are none",
    text: "a=zz=4g==41",
    expected: "a=zz=4g=A",
  },
  { encoding: "quoted-printable", name: "an escape that is cut off", text: "a=", expected: "a" },
  { encoding: "quoted-printable", name: "half an escape", text: "a=4", expected: "a=4" },
  { encoding: "7bit", name: "anything", text: "a=41 \r\n", expected: "a=41 \r\n" },
];

for (const { encoding, name, text, expected } of cases) {
  test(`${encoding} decodes ${name}, in one piece and octet by octet`, () => {
    const whole = octets(text);
    assert.equal(decode(encoding, [whole]), expected);
    assert.equal(
      decode(
        encoding,
        Array.from(whole, (octet) => Uint8Array.of(octet)),
      ),
      expected,
    );
  });
}

test("an encoding that is not known has no decoder (RFC 3516 §4.3)", () => {
  assert.equal(decodeTransferEncoding("x-uuencode"), undefined);
});

for (const encoding of ["base64", "quoted-printable", "8bit"]) {
  test(`${encoding} decodes to the same in whatever pieces it comes`, () => {
    const piece = fc.constantFrom(
      "=",
      "4",
      "1",
      " ",
      "\t",
      "\r",
      "\n",
      "\r\n",
      "=\r\n",
      "a",
      "YQ==",
    );
    const text = fc.array(piece, { maxLength: 40 }).map((pieces) => octets(pieces.join("")));
    fc.assert(
      fc.property(
        fc.oneof(text, fc.uint8Array()),
        fc.integer({ min: 1, max: 7 }),
        (whole, size) => {
          const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, at) =>
            whole.slice(at * size, (at + 1) * size),
          );
          assert.equal(decode(encoding, pieces), decode(encoding, [whole]));
        },
      ),
      { numRuns: 500 },
    );
  });
}

test("base64 gives back every octet", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (whole) => {
      const encoded = octets(Buffer.from(whole).toString("base64"));
      assert.equal(decode("base64", [encoded]), binary(whole));
    }),
  );
});

test("a megabyte of white space in quoted-printable is not held back", () => {
  const decoder = decodeTransferEncoding("quoted-printable");
  assert.ok(decoder);
  const spaces = octets(" ".repeat(65_536));
  let length = 0;
  for (let turn = 0; turn < 16; turn += 1) length += decoder.push(spaces).length;
  assert.ok(length > 900_000);
});
