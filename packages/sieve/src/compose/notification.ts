import { formatDate, headerValue } from "@posthouse/message";
import type { ActionOf } from "../run/actions.ts";
import type { AnswerContext } from "./automatic-reply.ts";
import { threadFields } from "./automatic-reply.ts";
import { encodeFieldText } from "./encoded-text.ts";
import { parseMailto } from "./mailto.ts";
import { plainTextPart } from "./mime-text.ts";
import { type Composition, fromField } from "./vacation-reply.ts";

/** A notification by mail: whom it goes to, from whom by its envelope, and its octets. */
export interface Notification {
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly octets: Uint8Array;
}

/**
 * What `notify` with a mailto URI sends (RFC 5436 §2.7). Undefined where it sends nothing: for a message
 * that is automatic itself, so that two of them do not tell each other for ever.
 */
export function composeNotification(
  action: ActionOf<"notify">,
  { envelope, header, ownAddresses }: AnswerContext,
  { now, messageId }: Composition,
): Notification | undefined {
  const mailto = parseMailto(action.method);
  const automatic = headerValue(header, "auto-submitted");
  if (mailto === undefined || (automatic !== undefined && !/^no\b/i.test(automatic)))
    return undefined;
  const [owner = envelope.to] = ownAddresses;
  const subject = action.hasMessage ? action.message : (mailto.subject ?? action.message);
  const { fields, body } = plainTextPart(mailto.body ?? action.message);
  const lines: (readonly [string, string])[] = [
    ["Auto-Submitted", `auto-notified; owner-email="${owner.replace(/["\\\r\n]/g, "")}"`],
    ["Date", formatDate(now.ms, now.offsetMinutes)],
    ["From", fromField(action.from, owner)],
    ["To", mailto.to.map((address) => `<${address}>`).join(",\r\n ")],
    ["Cc", mailto.cc.map((address) => `<${address}>`).join(",\r\n ")],
    ["Subject", encodeFieldText(subject)],
    ["Message-ID", `<${messageId}>`],
    ...threadFields(header).filter(([name]) => name === "References"),
    ...(action.importance === 1 ? [["Importance", "high"] as const] : []),
    ...mailto.fields.map(([name, value]) => [capitalized(name), encodeFieldText(value)] as const),
    ["MIME-Version", "1.0"],
  ];
  const head = lines
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  return {
    // RFC 5436 §2.7: a bounce notifies with no way back.
    reversePath: envelope.from === "" ? "" : owner,
    recipients: [...new Set([...mailto.to, ...mailto.cc])],
    octets: new TextEncoder().encode(`${head}${fields}\r\n${body}`),
  };
}

const capitalized = (name: string): string => name.slice(0, 1).toUpperCase() + name.slice(1);
