import { isIPv4, isIPv6 } from "node:net";
import type { ClientAttributes } from "./handler.ts";
import { serverLimits } from "./limits.ts";
import { type Parsed, printableXtext } from "./path-command.ts";
import { badParameter, replies } from "./replies.ts";

/** Where an attribute is kept, and what of its value; undefined for what it cannot be. */
type Attribute = readonly [
  keyof ClientAttributes | undefined,
  (value: string) => string | undefined,
];

const word = (value: string): string | undefined =>
  value.length <= serverLimits.heloBytesMax && /^[\x21-\x7e]+$/.test(value) ? value : undefined;
const port = (value: string): string | undefined =>
  /^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? value : undefined;
const oneOf =
  (...values: readonly string[]) =>
  (value: string): string | undefined =>
    values.find((one) => one === value.toUpperCase());

/** `192.0.2.7`, or `IPV6:2001:db8::7`. */
function address(value: string): string | undefined {
  if (isIPv4(value)) return value;
  const [, ipv6 = ""] = /^IPV6:([0-9A-Fa-f:.]+)$/i.exec(value) ?? [];
  return isIPv6(ipv6) ? ipv6.toLowerCase() : undefined;
}

/** Of XCLIENT, in the order in which EHLO shows them. */
export const xclientAttributes: ReadonlyMap<string, Attribute> = new Map<string, Attribute>([
  ["NAME", ["name", word]],
  ["ADDR", ["address", address]],
  ["PORT", ["port", port]],
  ["PROTO", ["protocol", oneOf("SMTP", "ESMTP")]],
  ["HELO", ["helo", word]],
  ["LOGIN", ["login", word]],
  // Where the client came to: nothing here goes by it.
  ["DESTADDR", [undefined, address]],
  ["DESTPORT", [undefined, port]],
]);

/** Of XFORWARD. */
export const xforwardAttributes: ReadonlyMap<string, Attribute> = new Map<string, Attribute>([
  ["NAME", ["name", word]],
  ["ADDR", ["address", address]],
  ["PORT", ["port", port]],
  ["PROTO", ["protocol", word]],
  ["HELO", ["helo", word]],
  ["IDENT", ["ident", word]],
  ["SOURCE", ["source", oneOf("LOCAL", "REMOTE")]],
]);

/**
 * Reads `NAME=value …` of XCLIENT and XFORWARD, values in xtext. What is not known is absent, and takes
 * away what was said before.
 */
export function parseClientAttributes(
  argument: string,
  known: ReadonlyMap<string, Attribute>,
): Parsed<ClientAttributes> {
  const said: { -readonly [Name in keyof ClientAttributes]: ClientAttributes[Name] } = {};
  const words = argument.split(" ").filter((one) => one !== "");
  if (words.length === 0) return { refusal: replies.badAttributesSyntax };
  for (const one of words) {
    const equals = one.indexOf("=");
    const name = one.slice(0, Math.max(0, equals)).toUpperCase();
    const attribute = known.get(name);
    if (attribute === undefined) {
      return { refusal: badParameter(`Attribute ${one.slice(0, 40)} not recognized`) };
    }
    const text = printableXtext(one.slice(equals + 1));
    const [kept, read] = attribute;
    const isAbsent = /^\[(?:TEMPUNAVAIL|UNAVAILABLE)\]$/i.test(text ?? "");
    const value = isAbsent ? undefined : read(text ?? "");
    if (value === undefined && !isAbsent) {
      return { refusal: badParameter(`Attribute ${name} cannot be so`) };
    }
    if (kept !== undefined) said[kept] = value;
  }
  return { value: said };
}
