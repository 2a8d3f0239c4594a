import type { Notify, RcptTo } from "./handler.ts";
import { serverLimits } from "./limits.ts";
import { type Parsed, parsePathCommand, printableXtext } from "./path-command.ts";
import { parseRcptPath } from "./paths.ts";
import { badParameter, replies, unknownParameter } from "./replies.ts";

export interface RcptCommandRules {
  /** SMTPUTF8 was given with MAIL (RFC 6531 §3.4). */
  readonly smtpUtf8: boolean;
  readonly isDsnOffered: boolean;
  readonly privateParameters: ReadonlySet<string>;
}

/** Reads the argument of RCPT (RFC 5321 §4.1.1.3) with the parameters of DSN. */
export function parseRcptCommand(argument: string, rules: RcptCommandRules): Parsed<RcptTo> {
  const command = parsePathCommand(argument, "TO");
  if (command === "syntax") return { refusal: replies.badRcptSyntax };
  if (command === "duplicate") return { refusal: badParameter("A parameter is there twice") };

  const privateParameters = new Map<string, string>();
  let notify: readonly Notify[] | undefined;
  let orcpt: string | undefined;
  for (const [keyword, value] of command.parameters) {
    if (rules.privateParameters.has(keyword)) privateParameters.set(keyword, value);
    else if (keyword === "NOTIFY" && rules.isDsnOffered) {
      notify = parseNotify(value);
      if (notify === undefined) {
        return { refusal: badParameter("NOTIFY is NEVER, or any of SUCCESS, FAILURE and DELAY") };
      }
    } else if (keyword === "ORCPT" && rules.isDsnOffered) {
      orcpt = parseOrcpt(value, rules.smtpUtf8);
      if (orcpt === undefined) return { refusal: badParameter("ORCPT is addr-type;xtext") };
    } else return { refusal: unknownParameter(keyword) };
  }
  const path = parseRcptPath(command.path, rules.smtpUtf8);
  if (path === "needs-smtputf8") return { refusal: replies.needsSmtpUtf8 };
  if (path === "syntax") return { refusal: replies.badRecipient };
  return {
    value: {
      address: path.address,
      privateParameters,
      ...(notify !== undefined && { notify }),
      ...(orcpt !== undefined && { orcpt }),
    },
  };
}

/** RFC 3461 §4.1: NEVER stands alone. */
function parseNotify(value: string): readonly Notify[] | undefined {
  const words = new Set(value.toUpperCase().split(","));
  for (const word of words) {
    if (!["NEVER", "SUCCESS", "FAILURE", "DELAY"].includes(word)) return undefined;
  }
  if (words.has("NEVER") && words.size > 1) return undefined;
  return [...words] as Notify[];
}

/**
 * RFC 3461 §4.2: an atom, a semicolon, and printable ASCII in xtext. RFC 6533 §3 adds utf-8 as a type,
 * whose addresses have escapes of their own and, with SMTPUTF8, native UTF-8.
 */
function parseOrcpt(value: string, smtpUtf8: boolean): string | undefined {
  if (Buffer.byteLength(value) > serverLimits.orcptBytesMax) return undefined;
  const match = /^([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+);(.+)$/.exec(value);
  const [, type = "", encoded = ""] = match ?? [];
  const isNative = smtpUtf8 && type.toLowerCase() === "utf-8" && !/[+\p{C}\p{Z}]/u.test(encoded);
  const address = isNative ? encoded : printableXtext(encoded);
  return match === null || address === undefined ? undefined : `${type};${address}`;
}
