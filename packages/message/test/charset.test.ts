import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { charsetDecoder, decodeCharset, decodeEncodedWords, headerTexts } from "../src/index.ts";

const octets = (...values: readonly (number | string)[]): Uint8Array =>
  Buffer.concat(
    values.map((one) => (typeof one === "string" ? Buffer.from(one, "latin1") : Buffer.of(one))),
  );

const cases: readonly (readonly [charset: string, octets: Uint8Array, text: string])[] = [
  ["utf-8", Buffer.from("äß日"), "äß日"],
  ["koi8-r", octets(0xf0, 0xd2), "Пр"],
  ["iso-2022-jp", octets('\x1b$B$"\x1b(B'), "あ"],
  ["utf-7", octets("Hi Mom -+Jjo--!"), "Hi Mom -☺-!"],
  ["cp437", octets(0x84, 0xe1), "äß"],
  ["cp850", octets(0x84), "ä"],
  ["x-unknown", Buffer.from("ä"), "ä"],
  ["x-unknown", octets(0xe4, 0x80), "ä\u0080"],
];
for (const [charset, encoded, text] of cases) {
  test(`${charset} of ${Buffer.from(encoded).toString("hex")} is "${text}"`, () => {
    assert.equal(decodeCharset(encoded, charset), text);
    const decoder = charsetDecoder(charset);
    assert.equal(decoder.push(encoded) + decoder.end(), text);
  });
}

test("US-ASCII with octets above it is read line by line: UTF-8 where it is that", () => {
  const decoder = charsetDecoder("US-ASCII");
  const text = decoder.push(octets("\xc3\xa4\n\xe4\n")) + decoder.end();
  assert.equal(text, "ä\nä\n");
});

test("neighbours in ISO-2022-JP, each with its own shifts, are one text", () => {
  const word = `=?iso-2022-jp?B?${Buffer.from('\x1b$B$"\x1b(B').toString("base64")}?=`;
  assert.equal(decodeEncodedWords(`${word} ${word}`), "ああ");
});

test("a character of UTF-7 that comes octet by octet is not lost", () => {
  const decoder = charsetDecoder("utf-7");
  const pieces = Array.from("Hi +Jjo-, +AOQ b+-c", (one) => decoder.push(octets(one)));
  assert.equal(pieces.join("") + decoder.end(), "Hi ☺, ä b+c");
});

test("a text is the same in pieces of any size, in any charset, and nothing throws", () => {
  const charset = fc.oneof(
    fc.constantFrom(
      "utf-8",
      "us-ascii",
      "iso-2022-jp",
      "utf-16le",
      "utf-7",
      "cp437",
      "gb18030",
      "x",
    ),
    fc.string({ maxLength: 12 }),
  );
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc
      .constantFrom('\x1b$B$"', "\x1b(B", "\x1b", "+Jjo-", "\xc3\xa4", "\n")
      .map((one) => octets(one)),
    fc.nat(40_000).map((length) => Buffer.alloc(length, "ä")),
  );
  fc.assert(
    fc.property(
      charset,
      fc.array(piece, { maxLength: 6 }),
      fc.integer({ min: 1, max: 9_999 }),
      (name, pieces, size) => {
        const whole = Buffer.concat(pieces);
        const one = charsetDecoder(name);
        const inOne = one.push(whole) + one.end();
        const decoder = charsetDecoder(name);
        let inPieces = "";
        for (let at = 0; at < whole.length; at += size) {
          inPieces += decoder.push(whole.subarray(at, at + size));
        }
        assert.equal(inPieces + decoder.end(), inOne);
      },
    ),
  );
});

test("headerTexts() unfolds and decodes, and shows encoded parameters once more", () => {
  const header = octets(
    "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n aus Wien\r\n",
    "X-Raw: \xc3\xa4\r\n",
    "no field\r\n",
    "Content-Disposition: attachment; filename*=utf-8''%C3%A4.pdf\r\n\r\n",
  );
  assert.deepEqual(
    [...headerTexts(header)].map(({ name, text }) => [name, text]),
    [
      ["Subject", " Grüße aus Wien"],
      ["X-Raw", " ä"],
      ["", "no field"],
      ["Content-Disposition", " attachment; filename*=utf-8''%C3%A4.pdf"],
      ["Content-Disposition", ' attachment; filename="ä.pdf"'],
    ],
  );
});
