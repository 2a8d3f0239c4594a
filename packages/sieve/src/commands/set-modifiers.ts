import type { ArgumentReader } from "../compile/argument-reader.ts";
import { regexQuote } from "../regex/regex-quote.ts";

/** What `set` makes of a value before it keeps it. */
export type Modifier = (text: string) => string;

/** In the order of their precedence, one of each (RFC 5229 §4.1). */
export function readModifiers(args: ArgumentReader): readonly Modifier[] {
  const modifiers: Modifier[] = [];
  const one = <Tag extends string>(
    choices: Readonly<Record<Tag, Modifier>>,
    extension?: string,
  ): void => {
    const tag = args.oneOf(Object.keys(choices) as Tag[], extension);
    if (tag !== undefined) modifiers.push(choices[tag]);
  };
  one({ lower: lowerAscii, upper: upperAscii });
  one({
    lowerfirst: (text) => lowerAscii(text.slice(0, 1)) + text.slice(1),
    upperfirst: (text) => upperAscii(text.slice(0, 1)) + text.slice(1),
  });
  const quotes = modifiers.length;
  one({ quotewildcard: (text) => text.replace(/[*?\\]/g, "\\$&") });
  one({ quoteregex: regexQuote }, "regex");
  if (modifiers.length > quotes + 1) {
    throw args.problem(":quotewildcard and :quoteregex do not go together");
  }
  // RFC 5435 §6.
  one({ encodeurl: encodeUrl }, "enotify");
  one({ length: (text) => String(Array.from(text).length) });
  return modifiers;
}

/** RFC 5229 §4.1.3: of ASCII only. */
const lowerAscii = (text: string): string =>
  text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
const upperAscii = (text: string): string =>
  text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());

/** All but the "unreserved" of RFC 3986 §2.3. */
const encodeUrl = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
