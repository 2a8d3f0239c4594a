import { formatDateTime } from "../date-time.ts";
import { encodeUnitext, splitOrcpt } from "../orcpt.ts";
import type { Reply } from "../reply.ts";
import type { DsnInput, DsnRecipient } from "./dsn.ts";
import { asciiOnly, field, isAscii, oneLine } from "./header-text.ts";
import { dsnLimits } from "./limits.ts";
import { statusOf } from "./status-of.ts";

/**
 * The part for programs: RFC 3464 §2, and with `isGlobal` its form in UTF-8 (RFC 6533 §4.1).
 *
 * A recipient whose address was rewritten here is named as the sender knew it: that is what RFC 3464 §2.3.2
 * asks for, and a confidential forwarding address stays so (§4.2 there).
 */
export function deliveryStatusOf(input: DsnInput, isGlobal: boolean): string {
  const groups = [
    messageFields(input, isGlobal),
    ...input.recipients.map((recipient) => recipientFields(input, recipient, isGlobal)),
  ];
  return groups.join("\r\n");
}

function messageFields({ envelope, reportingMta }: DsnInput, isGlobal: boolean): string {
  const { envid, client, receivedAtMs } = envelope;
  const text = textFor(isGlobal);
  return [
    // RFC 3464 §2.2.1: as it was before it was made xtext.
    envid === undefined ? "" : field("Original-Envelope-Id", text(envid)),
    field("Reporting-MTA", `dns; ${text(reportingMta)}`),
    client.helo === "" ? "" : field("Received-From-MTA", `dns; ${text(client.helo)}`),
    field("Arrival-Date", formatDateTime(receivedAtMs)),
  ].join("");
}

function recipientFields(input: DsnInput, recipient: DsnRecipient, isGlobal: boolean): string {
  const { address, originalAddress, orcpt, remoteMta, diagnostic } = recipient;
  const action = recipient.action ?? input.kind;
  const original = orcpt === undefined ? undefined : splitOrcpt(orcpt);
  const text = textFor(isGlobal);
  return [
    original === undefined
      ? ""
      : field("Original-Recipient", typed(original.type, original.address, isGlobal)),
    field("Final-Recipient", typed("rfc822", originalAddress ?? address, isGlobal)),
    field("Action", action),
    field("Status", statusOf(recipient, action)),
    remoteMta === undefined ? "" : field("Remote-MTA", `dns; ${text(remoteMta)}`),
    diagnostic === undefined ? "" : field("Diagnostic-Code", text(diagnosticOf(diagnostic))),
    recipient.lastAttemptMs === undefined
      ? ""
      : field("Last-Attempt-Date", formatDateTime(recipient.lastAttemptMs)),
    field("Final-Log-ID", text(input.envelope.messageId)),
    action === "delayed" && recipient.willRetryUntilMs !== undefined
      ? field("Will-Retry-Until", formatDateTime(recipient.willRetryUntilMs))
      : "",
  ].join("");
}

/** RFC 6533 §3: a UTF-8 address has a type of its own, as it is or with its letters escaped. */
function typed(type: string, address: string, isGlobal: boolean): string {
  const plain = oneLine(address);
  if (isAscii(plain)) return `${type.toLowerCase() === "utf-8" ? "rfc822" : type};${plain}`;
  return `utf-8;${isGlobal ? plain : encodeUnitext(plain)}`;
}

/** RFC 3464 §2.3.6: `smtp` and the reply as it was; what we found ourselves has a type of our own (§9.2(c) there). */
function diagnosticOf(diagnostic: Reply | string): string {
  const cut = (text: string): string => text.slice(0, dsnLimits.diagnosticCharactersMax);
  if (typeof diagnostic === "string") return `x-posthouse; ${cut(diagnostic)}`;
  const { code, enhanced, text } = diagnostic;
  return `smtp; ${code} ${enhanced === undefined ? "" : `${enhanced} `}${cut(text)}`;
}

const textFor = (isGlobal: boolean) => (text: string) => (isGlobal ? text : asciiOnly(text));
