import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { foldText, TextFolder } from "./fold-text.ts";

const same: readonly (readonly [name: string, one: string, other: string])[] = [
  ["ASCII in any case", "Hello", "hELLO"],
  ["Cyrillic in any case", "Привет", "ПРИВЕТ"],
  ["a final sigma and another", "ὀδός", "ὈΔΌΣ"],
  ["composed and not", "caf\u00e9", "cafe\u0301"],
  ["full-width and plain", "ＡＢＣ", "abc"],
  ["a no-break space and a space", "a\u00a0b", "a b"],
  ["Hangul in syllables and in letters", "한", "\u1112\u1161\u11ab"],
  ["line ends", "a\r\nb\rc", "a\nb\nc"],
];
for (const [name, one, other] of same) {
  test(`foldText(): ${name} are the same`, () => {
    assert.equal(foldText(one), foldText(other));
  });
}

test("foldText(): an accent is a difference, and comes after its letter (RFC 5051 §2)", () => {
  assert.notEqual(foldText("café"), foldText("cafe"));
  assert.ok(foldText("café").includes(foldText("cafe")));
  assert.ok(!foldText("cafés").includes(foldText("cafes")));
});

/** Runs with and without ASCII, long ones too, and line ends. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 5 }),
      fc.constantFrom("\r\n", "\r", "\n", "e\u0301", "\u0301", "ß", "👍", "\0"),
      fc
        .tuple(fc.constantFrom("日", "한", "👍", "\u0301", "\u1112"), fc.nat(3_000))
        .map(([one, count]) => one.repeat(count)),
    ),
    { maxLength: 8 },
  )
  .map((pieces) => pieces.join(""));

test("TextFolder gives the same, however the text is cut", () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(4_000), { maxLength: 6 }), (whole, cuts) => {
      const one = new TextFolder();
      const inOne = one.push(whole) + one.end();
      const folder = new TextFolder();
      let at = 0;
      let inPieces = "";
      for (const length of cuts) {
        inPieces += folder.push(whole.slice(at, at + length));
        at += length;
      }
      inPieces += folder.push(whole.slice(at)) + folder.end();
      assert.equal(inPieces, inOne);
    }),
  );
});

test("TextFolder folds what has an ASCII character now and then as foldText() does", () => {
  const broken = fc
    .array(fc.tuple(fc.string({ unit: "grapheme", maxLength: 20 }), fc.constantFrom(" ", "\r\n")))
    .map((pieces) => pieces.flat().join(""));
  fc.assert(
    fc.property(broken, fc.nat(), (whole, cut) => {
      const folder = new TextFolder();
      const at = cut % (whole.length + 1);
      const folded = folder.push(whole.slice(0, at)) + folder.push(whole.slice(at)) + folder.end();
      assert.equal(folded, foldText(whole));
    }),
  );
});
