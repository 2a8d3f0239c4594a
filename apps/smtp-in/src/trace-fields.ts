import { type Envelope, formatDateTime, receivedField } from "@posthouse/smtp";
import type { MessageHeader } from "./message-header.ts";

/**
 * The Received field (RFC 5321 §4.4), and in front of a submission what it lacks: From,
 * and by RFC 6409 §8.2 and §8.3 Date and Message-ID.
 * Nothing else of the message is changed, or a signature would break.
 */
export function traceFields(
  envelope: Envelope,
  header: MessageHeader,
  options: {
    readonly hostname: string;
    readonly isSubmission: boolean;
    readonly isClientHidden: boolean;
  },
): Buffer {
  let fields = receivedField(envelope, options.hostname, options);
  if (options.isSubmission && header.isWhole) {
    if (!header.hasDate) fields += `Date: ${formatDateTime(envelope.receivedAtMs)}\r\n`;
    if (header.messageIdField === undefined) {
      fields += `Message-ID: <${envelope.messageId}@${options.hostname}>\r\n`;
    }
    // RFC 5322 §3.6 wants one. Whoever may send as the reverse-path may write as it too.
    if (header.fromFields.length === 0) {
      fields += `From: <${envelope.reversePath || (envelope.authenticatedAs ?? "")}>\r\n`;
    }
  }
  if (header.isMissing) fields += "\r\n";
  return Buffer.from(fields, "utf8");
}
