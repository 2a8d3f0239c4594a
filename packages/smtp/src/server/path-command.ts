import type { Reply } from "../reply.ts";
import { decodeXtext } from "../xtext.ts";

/** What MAIL and RCPT have in common: `FROM:<path> KEYWORD=value …` (RFC 5321 §4.1.2). */
export interface PathCommand {
  /** With its angle brackets. */
  readonly path: string;
  /** Keywords in upper case; "" for one without a value. */
  readonly parameters: ReadonlyMap<string, string>;
}

export type PathCommandFault = "syntax" | "duplicate";

/**
 * Reads `<introducer>:<path>` and the parameters after it. A blank after the colon is not in the
 * grammar (RFC 5321 §3.3), and clients that send one are many.
 */
export function parsePathCommand(
  argument: string,
  introducer: "FROM" | "TO",
): PathCommand | PathCommandFault {
  const colon = argument.indexOf(":");
  if (colon < 0 || argument.slice(0, colon).trim().toUpperCase() !== introducer) return "syntax";
  const rest = argument.slice(colon + 1).replace(/^ +/, "");
  const end = endOfPath(rest);
  if (end === undefined) return "syntax";
  const after = rest.slice(end).replace(/ +$/, "");
  if (after !== "" && !after.startsWith(" ")) return "syntax";

  const parameters = new Map<string, string>();
  for (const parameter of after.split(" ")) {
    if (parameter === "") continue;
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^=\p{Cc} ]+))?$/u.exec(parameter);
    if (match?.[1] === undefined) return "syntax";
    const keyword = match[1].toUpperCase();
    if (parameters.has(keyword)) return "duplicate";
    parameters.set(keyword, match[2] ?? "");
  }
  return { path: rest.slice(0, end), parameters };
}

/** Where `<path>` ends: a quoted local part may hold blanks and angle brackets (RFC 5321 §4.1.2). */
function endOfPath(text: string): number | undefined {
  if (!text.startsWith("<")) return undefined;
  let isQuoted = false;
  for (let at = 1; at < text.length; at++) {
    const character = text[at];
    if (isQuoted && character === "\\") at++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === ">" && !isQuoted) return at + 1;
  }
  return undefined;
}

/** Printable ASCII within xtext (RFC 3461 §4.2, §4.4), or undefined. */
export function printableXtext(encoded: string): string | undefined {
  const text = decodeXtext(encoded);
  return text !== undefined && /^[\x20-\x7e]*$/.test(text) ? text : undefined;
}

/** A parsed command, or the reply that it gets. */
export type Parsed<T> = { readonly value: T } | { readonly refusal: Reply };
