import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SieveRunError, SieveScriptError, sieveExtensions } from "../src/index.ts";
import { matchWildcards, parseWildcards } from "../src/matching/wildcards.ts";
import { RegexError } from "../src/regex/parse-regex.ts";
import { Regex } from "../src/regex/regex.ts";
import { plainMessage, runTest } from "./sieve-run.ts";

/** Pieces that scripts are made of, so that random ones get far. */
const words = fc.constantFrom(
  "if",
  "elsif",
  "else",
  "require",
  "stop",
  "keep",
  "discard",
  "fileinto",
  "redirect",
  "set",
  "header",
  "address",
  "envelope",
  "exists",
  "size",
  "allof",
  "anyof",
  "not",
  "true",
  "false",
  "body",
  "string",
  "hasflag",
  "date",
  "currentdate",
  "addheader",
  "deleteheader",
  "vacation",
  "notify",
  "reject",
  "ereject",
  "foreverypart",
  "break",
  "replace",
  "enclose",
  "extracttext",
  "include",
  "return",
  "global",
  "ihave",
  "error",
  "duplicate",
  "environment",
  "spamtest",
  ":is",
  ":contains",
  ":matches",
  ":regex",
  ":value",
  ":count",
  ":comparator",
  ":over",
  ":index",
  ":last",
  ":mime",
  ":anychild",
  ":param",
  ":raw",
  ":content",
  ":flags",
  ":copy",
  ":create",
  ":lower",
  ":length",
  ":days",
  ":seconds",
  ":handle",
  ":name",
  ":first",
  ":fcc",
  "{",
  "}",
  "(",
  ")",
  "[",
  "]",
  ",",
  ";",
  ";",
  "text:",
  "\n.\n",
  "/*",
  "*/",
  "#",
  "\n",
  '"subject"',
  '"gt"',
  '"*"',
  '"${1}"',
  '"a"',
  '"i;octet"',
  '"From"',
  '"x@example.org"',
  "1K",
);

const everything = `require ${JSON.stringify([...sieveExtensions.keys()])};`;

const scripts = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.array(words, { maxLength: 60 }).map((list) => list.join(" ")),
  fc.array(words, { maxLength: 60 }).map((list) => `${everything}\n${list.join(" ")}`),
);

test("no script throws anything but its own error", async () => {
  await fc.assert(
    fc.asyncProperty(scripts, fc.string({ maxLength: 200 }), async (script, message) => {
      for (const text of [plainMessage, message]) {
        try {
          const { actions } = await runTest(script, { message: text });
          assert.ok(actions.length > 0);
        } catch (error) {
          assert.ok(
            error instanceof SieveScriptError || error instanceof SieveRunError,
            String(error),
          );
          if (error instanceof SieveScriptError) {
            for (const { line, column } of error.problems) assert.ok(line >= 1 && column >= 1);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});

/** Expressions without what JavaScript reads in another way. */
const expressions = fc
  .array(
    fc.constantFrom(
      "a",
      "b",
      "c",
      ".",
      "(a|b)",
      "(ab)*",
      "a*",
      "b+",
      "c?",
      "[ab]",
      "[^a]",
      "a{2}",
      "(a*)*",
    ),
    { maxLength: 8 },
  )
  .map((list) => list.join(""));

test("an expression matches what JavaScript's own matches", () => {
  fc.assert(
    fc.property(
      expressions,
      fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 10 }),
      (pattern, text) => {
        const ours = Regex.compile(pattern, (one) => one).match(text, () => undefined);
        const theirs = new RegExp(pattern, "u").exec(text);
        assert.equal(ours !== undefined, theirs !== null);
        if (ours !== undefined && theirs !== null) {
          // The leftmost, and not shorter.
          assert.ok(text.indexOf(ours[0] ?? "", theirs.index) === theirs.index);
          assert.ok((ours[0] ?? "").length >= theirs[0].length);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("an expression that would keep JavaScript's busy for ever takes few steps", () => {
  let steps = 0;
  const found = Regex.compile("^(a+)+$", (one) => one).match(`${"a".repeat(20_000)}b`, (count) => {
    steps += count;
  });
  assert.equal(found, undefined);
  assert.ok(steps < 2_000, String(steps));
});

test("no expression throws anything but RegexError", () => {
  const unit = fc.constantFrom(...Array.from("ab()[]{}*+?|^$.\\-,:=0123456789"));
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), (pattern) => {
      try {
        Regex.compile(pattern, (one) => one.toLowerCase()).match("abab0b", () => undefined);
      } catch (error) {
        assert.ok(error instanceof RegexError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test("wildcards match as the expression that says the same", () => {
  const unit = fc.constantFrom("a", "b", "*", "?");
  const texts = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 8 }), texts, (pattern, text) => {
      const same = (character: string) => character;
      const ours = matchWildcards(parseWildcards(pattern, same), text, same, () => undefined);
      const source = pattern.replace(/[*?]/g, (one) => (one === "*" ? "(.*?)" : "(.)"));
      const theirs = new RegExp(`^${source}$`, "s").exec(text);
      assert.deepEqual(ours, theirs === null ? undefined : [...theirs]);
    }),
    { numRuns: 500 },
  );
});
