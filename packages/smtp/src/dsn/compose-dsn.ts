import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { formatDateTime } from "../date-time.ts";
import { deliveryStatusOf } from "./delivery-status.ts";
import type { ComposedDsn, DsnInput } from "./dsn.ts";
import { explanationOf, subjectOf } from "./explanation.ts";
import { field, isAscii } from "./header-text.ts";
import { isWholeReturned, type ReturnedMessage, readHeader } from "./returned-message.ts";

/**
 * A delivery status notification (RFC 3461 §6.2, RFC 3464, RFC 6522): what happened for people, the
 * same for programs, and the message's header or the message.
 *
 *   multipart/report; report-type=delivery-status
 *   ├── text/plain
 *   ├── message/delivery-status      or message/global-delivery-status   (RFC 6533 §4.1)
 *   └── text/rfc822-headers          or message/global-headers           (§4.3)
 *       or message/rfc822            or message/global                   (§4.2)
 *
 * It is written here and not by a library, because the parts have to be labelled with what is in them:
 * a message/rfc822 may not be encoded (RFC 2046 §5.2.1), so whether all of it is 7 bit has to be known
 * in the first lines, while the message itself is only streamed.
 */
export function composeDsn(input: DsnInput): ComposedDsn {
  const { envelope, recipients } = input;
  assert(envelope.reversePath !== "", "Nobody is notified of mail with the null reverse-path");
  assert(recipients.length > 0, "A notification is about at least one recipient");
  const form = formOf(input);
  return {
    body: form.isEightBit ? "8BITMIME" : "7BIT",
    smtpUtf8: form.hasUtf8Header,
    [Symbol.asyncIterator]: () => partsOf(input, form),
  };
}

/** Decided before the first octet, since the header says it. */
interface DsnForm {
  /** The sender speaks UTF-8 addresses, and there is one to be named. */
  readonly isGlobal: boolean;
  readonly hasUtf8Header: boolean;
  readonly isEightBit: boolean;
  readonly isWhole: boolean;
  readonly boundary: string;
}

function formOf(input: DsnInput): DsnForm {
  const { kind, envelope, original, from } = input;
  const isGlobal = envelope.smtpUtf8;
  const isWhole = original !== undefined && isWholeReturned(kind, envelope, original);
  return {
    isGlobal,
    hasUtf8Header: !isAscii(envelope.reversePath) || !isAscii(from),
    // A message that comes back whole is not read beforehand, and 8bit is right for any.
    isEightBit: isGlobal || isWhole || !isAscii(explanationOf(input)) || !isAscii(from),
    isWhole,
    boundary: `=_${randomBytes(18).toString("base64url")}`,
  };
}

async function* partsOf(input: DsnInput, form: DsnForm): AsyncGenerator<Uint8Array> {
  const { original } = input;
  await using returned = await readHeader(original?.octets ?? Buffer.alloc(0));
  yield Buffer.from(headerOf(input, form, returned.header));
  yield Buffer.from(explanationPart(input, form));
  yield Buffer.from(statusPart(input, form));
  if (original !== undefined) yield* returnedPart(returned, form);
  yield Buffer.from(`\r\n--${form.boundary}--\r\n`);
}

function headerOf(input: DsnInput, form: DsnForm, original: Buffer): string {
  const { kind, envelope, from, nowMs, messageId } = input;
  const inReplyTo = messageIdOf(original);
  return [
    field("From", from),
    field("To", `<${envelope.reversePath}>`),
    field("Subject", subjectOf[kind]),
    field("Date", formatDateTime(nowMs)),
    field("Message-ID", `<${messageId}>`),
    inReplyTo === undefined ? "" : field("In-Reply-To", inReplyTo),
    inReplyTo === undefined ? "" : field("References", inReplyTo),
    // RFC 3834 §5.2: no vacation notice answers this.
    field("Auto-Submitted", "auto-replied"),
    field("MIME-Version", "1.0"),
    `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${form.boundary}"\r\n`,
    form.isEightBit ? field("Content-Transfer-Encoding", "8bit") : "",
    "\r\n",
  ].join("");
}

/** So that a mail program shows the notification with its message. */
function messageIdOf(header: Buffer): string | undefined {
  const text = header.toString("latin1");
  const value = /^message-id:[ \t]*(?:\r\n[ \t]+)?(<[\x21-\x7e]{1,250}>)[ \t]*(?=\r\n|$)/imu.exec(
    text,
  );
  return value?.[1];
}

function explanationPart(input: DsnInput, { boundary }: DsnForm): string {
  const text = explanationOf(input);
  return part(boundary, "text/plain; charset=utf-8", encodingOf(text), text);
}

function statusPart(input: DsnInput, { boundary, isGlobal }: DsnForm): string {
  const status = deliveryStatusOf(input, isGlobal);
  const type = isGlobal ? "message/global-delivery-status" : "message/delivery-status";
  return part(boundary, type, encodingOf(status), status);
}

/** The CRLF before the boundary belongs to it (RFC 2046 §5.1.1), so the message keeps its own last one. */
async function* returnedPart(returned: ReturnedMessage, form: DsnForm): AsyncGenerator<Uint8Array> {
  const { isWhole, isGlobal, isEightBit, boundary } = form;
  if (isWhole) {
    const type = isGlobal ? "message/global" : "message/rfc822";
    yield Buffer.from(part(boundary, type, isEightBit ? "8bit" : "7bit", ""));
    yield returned.header;
    yield* returned.rest();
    return;
  }
  const type = isGlobal ? "message/global-headers" : "text/rfc822-headers";
  const header = isEightBit ? returned.header : sevenBit(returned.header);
  yield Buffer.from(part(boundary, type, isEightBit ? "8bit" : "7bit", ""));
  yield header;
}

const part = (boundary: string, type: string, encoding: string, content: string): string =>
  `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${content}`;

const encodingOf = (text: string): "7bit" | "8bit" => (isAscii(text) ? "7bit" : "8bit");

/** A header that is not US-ASCII although nobody said so is shown with question marks. */
const sevenBit = (header: Buffer): Buffer =>
  Buffer.from(header.map((octet) => (octet > 0x7f ? 0x3f : octet)));
