import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { german } from "../src/language/german.ts";
import { inLanguage, languageFor } from "../src/language/languages.ts";
import { Translation } from "../src/language/translation.ts";

const source = join(import.meta.dirname, "../src");
/** What a client is told, where it is written: the text of a completion, a refusal, a farewell. */
const told =
  /(?:\b(?:bad|no|Farewell)\((?:\s*(?:undefined|"[A-Z- ()\d]+"),)?\s*|\btext: |\bsayBye\([^"`;{]*|\binLanguage\()(["`])((?:(?!\1).)+)\1/gs;

function textsOfSource(): string[] {
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .flatMap((name) => [...readFileSync(join(source, name), "utf8").matchAll(told)])
    .map(([, , text = ""]) => text.replaceAll(/\$\{[^}]*\}+/g, "X"))
    .filter((text) => text.includes(" ") && !text.startsWith("CAPABILITY "));
}

test("every text of the source has a German form", () => {
  const translation = new Translation(german);
  const texts = textsOfSource();
  assert.ok(texts.length > 60, String(texts.length));
  assert.deepEqual(
    texts.filter((text) => translation.of(text) === undefined),
    [],
    "src/language/german.ts lacks them",
  );
});

test("a translation keeps what differs each time, and leaves other texts alone", () => {
  const translation = new Translation({ "From {} to {}": "Nach {}, von {}", Done: "Fertig" });
  assert.equal(translation.of("From a to b"), "Nach a, von b");
  assert.equal(translation.of("Done"), "Fertig");
  assert.equal(translation.of("Done."), undefined);
  assert.equal(inLanguage("de", "There is no such text"), "There is no such text");
  assert.equal(inLanguage("en", "Logging out"), "Logging out");
});

test("each German text has as many gaps as its English one", () => {
  for (const [english, text] of Object.entries(german)) {
    assert.equal(text.split("{}").length, english.split("{}").length, english);
  }
});

test("language ranges are looked up as RFC 4647 §3.4 does", () => {
  assert.equal(languageFor(["de-Latn-AT-1996"]), "de");
  assert.equal(languageFor(["de-x-private"]), "de");
  assert.equal(languageFor(["fr", "EN-us"]), "en");
  assert.equal(languageFor(["den"]), undefined);
  assert.equal(languageFor(["*"]), "i-default");
  assert.equal(languageFor([""]), undefined);
});
