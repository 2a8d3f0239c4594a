import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeEncodedWords } from "@posthouse/message";
import fc from "fast-check";
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
