import { headerValue, headerValues, parseAddressList, parseMessageIds } from "@posthouse/message";
import type { ActionOf } from "../run/actions.ts";
import type { ScriptEnvelope } from "../run/surroundings.ts";

/** What is known of the message that would be answered, and of the one who is away. */
export interface AnswerContext {
  readonly envelope: ScriptEnvelope;
  /** The message's header, as it came. */
  readonly header: Uint8Array;
  /** Addresses that are the owner's, beside the one that the message was sent to. */
  readonly ownAddresses: readonly string[];
}

/** Fields of mailing lists: RFC 5230 §4.6. */
const listFields = [
  "list-id",
  "list-help",
  "list-subscribe",
  "list-unsubscribe",
  "list-post",
  "list-owner",
  "list-archive",
];

/** Who reads no answer: RFC 5230 §4.6. */
const machines =
  /^(?:mailer-daemon|listserv|majordomo|noreply|no-reply|donotreply|do-not-reply|bounces?)$|^owner-|-request$|-bounces?$|-owner$/i;

/**
 * Why nobody is answered that the owner is away; undefined where an answer is safe (RFC 5230 §4.5 and
 * §4.6, RFC 3834 §2). Whether the sender was answered already is the caller's to know.
 */
export function reasonNotToAnswer(
  { addresses }: ActionOf<"vacation">,
  { envelope, header, ownAddresses }: AnswerContext,
): string | undefined {
  const { from } = envelope;
  if (from === "") return "it is a bounce, or says that it wants no answer";
  const [localPart, domain] = splitAddress(from);
  if (domain === "") return "the sender has no address";
  if (machines.test(localPart)) return `${from} is no person`;
  const automatic = headerValue(header, "auto-submitted");
  if (automatic !== undefined && !/^no\b/i.test(automatic))
    return "the message is automatic itself";
  const list = listFields.find((name) => headerValue(header, name) !== undefined);
  if (list !== undefined) return "it came from a mailing list";
  const precedence = headerValue(header, "precedence")?.toLowerCase();
  if (precedence !== undefined && /^(?:bulk|list|junk)\b/.test(precedence))
    return "it is bulk mail";
  const suppressed = headerValue(header, "x-auto-response-suppress")?.toLowerCase() ?? "";
  if (/\b(?:all|oof|autoreply)\b/.test(suppressed)) return "the sender wants no automatic answer";
  const own = new Set([envelope.to, ...ownAddresses, ...addresses].map((one) => one.toLowerCase()));
  if (own.has(from.toLowerCase())) return "the owner sent it";
  return isAddressedTo(header, own) ? undefined : "it was not addressed to the owner";
}

/** RFC 5230 §4.5. */
const addressFields = ["to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"];

function isAddressedTo(header: Uint8Array, own: ReadonlySet<string>): boolean {
  return addressFields
    .flatMap((name) => headerValues(header, name))
    .flatMap(parseAddressList)
    .flatMap((address) => (address.kind === "group" ? address.members : [address]))
    .some(({ localPart, domain }) => own.has(`${localPart}@${domain}`.toLowerCase()));
}

/** In-Reply-To and References of an answer: RFC 5230 §5.8, RFC 5322 §3.6.4. */
export function threadFields(header: Uint8Array): readonly (readonly [string, string])[] {
  const [id] = parseMessageIds(headerValue(header, "message-id") ?? "");
  if (id === undefined) return [];
  const before = parseMessageIds(
    headerValue(header, "references") ?? headerValue(header, "in-reply-to") ?? "",
  );
  // The first and the last ones: a thread of years is no reason for a header of pages.
  const kept = before.length > 20 ? [...before.slice(0, 1), ...before.slice(-19)] : before;
  return [
    ["In-Reply-To", `<${id}>`],
    ["References", [...kept, id].map((one) => `<${one}>`).join("\r\n ")],
  ];
}

function splitAddress(address: string): readonly [string, string] {
  const at = address.lastIndexOf("@");
  return at === -1 ? [address, ""] : [address.slice(0, at), address.slice(at + 1)];
}
