import { headerValues, parseHeader } from "@posthouse/message";
import { beginsWithHeader } from "@posthouse/smtp";

/** What smtp-in wants to know of a message's header; it changes nothing in it. */
export interface MessageHeader {
  /** How many hosts it has passed (RFC 5321 §6.3). */
  readonly receivedCount: number;
  /** Accounts that it was delivered to before, lower case, as final delivery writes them. */
  readonly deliveredTo: readonly string[];
  readonly hasDate: boolean;
  /** The values of From; RFC 5322 §3.6 allows one. */
  readonly fromFields: readonly string[];
  /** The Message-ID field as it is, for the event trail. */
  readonly messageIdField: string | undefined;
  /** False when the header goes on beyond the octets given, so that nothing can be said to lack. */
  readonly isWhole: boolean;
  /** The message is all text: what is put before it needs an empty line. */
  readonly isMissing: boolean;
}

const MESSAGE_ID_CHARS_MAX = 998;

export function readMessageHeader(head: Buffer, sizeBytes: number): MessageHeader {
  let receivedCount = 0;
  let hasDate = false;
  let messageIdField: string | undefined;
  const isMissing = !beginsWithHeader(head);
  const fields = isMissing ? [] : parseHeader(head);
  for (const { name, valueStart, end } of fields) {
    if (name === "received") receivedCount++;
    else if (name === "date") hasDate = true;
    else if (name === "message-id") {
      messageIdField ??= head
        .toString("latin1", valueStart, end)
        .trim()
        .slice(0, MESSAGE_ID_CHARS_MAX);
    }
  }
  const isWhole = (fields.at(-1)?.end ?? 0) < head.length || head.length === sizeBytes;
  const fromFields = isMissing ? [] : headerValues(head, "from");
  const deliveredTo = isMissing
    ? []
    : headerValues(head, "delivered-to").map((value) => value.trim().toLowerCase());
  return { receivedCount, deliveredTo, hasDate, fromFields, messageIdField, isWhole, isMissing };
}
