import { german } from "./german.ts";
import { Translation } from "./translation.ts";

/** The languages that this server speaks, by the tag that a client hears (RFC 5255 §3.3). */
const translations = {
  /** RFC 2277 §4.5: English that everybody is expected to understand; what a connection begins with. */
  "i-default": undefined,
  en: undefined,
  de: new Translation(german),
} as const;

export type Language = keyof typeof translations;

export const languageTags = Object.keys(translations) as readonly Language[];

/** The language of the first range that fits one: "de-AT" is served by "de" (RFC 4647 §3.4). */
export function languageFor(ranges: readonly string[]): Language | undefined {
  for (const range of ranges) {
    // RFC 5255 §3.2: what the administrator prefers, which is what everybody begins with.
    if (range.toLowerCase() === "default") return "i-default";
    // RFC 4647 §3.4: anything will do; the lookup passes over it where something else is named.
    if (range === "*") continue;
    const found = lookUp(range.toLowerCase());
    if (found !== undefined) return found;
  }
  return ranges.includes("*") ? "i-default" : undefined;
}

/** A text in another language; itself, where nobody has translated it. One character an octet (UTF-8). */
export function inLanguage(language: Language, text: string): string {
  const translated = translations[language]?.of(text);
  return translated === undefined ? text : Buffer.from(translated, "utf8").toString("latin1");
}

/** RFC 4647 §3.4: from the end, one subtag after the other is left out, a lone letter with what it led. */
function lookUp(range: string): Language | undefined {
  for (let tag = range; tag !== ""; tag = tag.replace(/(?:-[^-])?(?:^|-)[^-]*$/, "")) {
    const found = languageTags.find((one) => one === tag);
    if (found !== undefined) return found;
  }
  return undefined;
}
