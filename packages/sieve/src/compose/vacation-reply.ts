import {
  type DateTime,
  decodeEncodedWords,
  formatDate,
  headerValue,
  parseAddressList,
} from "@posthouse/message";
import type { ActionOf } from "../run/actions.ts";
import type { AnswerContext } from "./automatic-reply.ts";
import { threadFields } from "./automatic-reply.ts";
import { encodeFieldText } from "./encoded-text.ts";
import { mimeTextPart, plainTextPart } from "./mime-text.ts";

/** What a message that is made here is made with. */
export interface Composition {
  readonly now: DateTime;
  /** Without angle brackets. */
  readonly messageId: string;
}

/** The answer that its owner is away, as octets: RFC 5230 §5. It goes to the sender, from <>. */
export function composeVacationReply(
  action: ActionOf<"vacation">,
  { envelope, header }: AnswerContext,
  { now, messageId }: Composition,
): Uint8Array {
  const { fields, body } = action.isMime
    ? mimeTextPart(action.reason)
    : plainTextPart(action.reason);
  const lines: (readonly [string, string])[] = [
    ["Date", formatDate(now.ms, now.offsetMinutes)],
    ["From", fromField(action.from, envelope.to)],
    ["To", `<${envelope.from}>`],
    ["Subject", encodeFieldText(subjectOf(action, header))],
    ["Message-ID", `<${messageId}>`],
    ...threadFields(header),
    // RFC 5230 §5.6, RFC 3834 §5: nobody's program answers it.
    ["Auto-Submitted", "auto-replied (vacation)"],
    ["MIME-Version", "1.0"],
  ];
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return new TextEncoder().encode(`${head}${fields}\r\n${body}`);
}

/** RFC 5230 §5.3. */
function subjectOf({ subject }: ActionOf<"vacation">, header: Uint8Array): string {
  if (subject !== undefined) return subject;
  const original = headerValue(header, "subject");
  return original === undefined || original === ""
    ? "Automated reply"
    : `Auto: ${decodeEncodedWords(original)}`;
}

/** A name and address that a script says, put together anew; else the owner's address. */
export function fromField(said: string | undefined, owner: string): string {
  const [mailbox] = parseAddressList(said ?? "");
  if (mailbox?.kind !== "mailbox" || mailbox.localPart === "" || mailbox.domain === "")
    return `<${owner}>`;
  const address = `<${mailbox.localPart}@${mailbox.domain}>`.replace(/[\r\n\0]/g, "");
  const name = mailbox.name === undefined ? "" : decodeEncodedWords(mailbox.name);
  if (name === "") return address;
  const isPlain = /^[\x20-\x7e]*$/.test(name);
  return `${isPlain ? `"${name.replace(/["\\]/g, "\\$&")}"` : encodeFieldText(name)} ${address}`;
}
