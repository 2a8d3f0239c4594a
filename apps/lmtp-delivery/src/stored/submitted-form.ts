import { isAscii } from "node:buffer";
import { formatDate, headerValue, holdsNul } from "@posthouse/message";
import { beginsWithHeader, type EnvelopeHead, newMessageId, withoutFields } from "@posthouse/smtp";

/** A stored message as it is submitted: with what it lacks, and without what is not for others. */
export interface SubmittedForm {
  readonly body: EnvelopeHead["body"];
  readonly smtpUtf8: boolean;
  octets(): AsyncGenerator<Uint8Array>;
}

type Octets = () => AsyncIterable<Uint8Array>;

/** Octets of a header that are looked at, and in which fields are left out. */
const headBytesMax = 256 * 1024;

/**
 * RFC 6785 §3.4 with RFC 6409 §8: Date, Message-ID and From are added where there are none; Return-Path is that
 * of a delivery before, and Bcc of a sent message names who is not to be known. Undefined for what is no message,
 * and for one with NUL, which few hosts take.
 */
export async function submittedForm(
  octets: Octets,
  { from, hostname }: { readonly from: string; readonly hostname: string },
): Promise<SubmittedForm | undefined> {
  const seen = await lookAt(octets());
  if (!beginsWithHeader(seen.head) || seen.hasNul) return undefined;
  const { header } = seen;
  const missing = [
    headerValue(header, "date") === undefined ? `Date: ${formatDate(Date.now(), 0)}\r\n` : "",
    headerValue(header, "message-id") === undefined
      ? `Message-ID: <${newMessageId(Date.now())}@${hostname}>\r\n`
      : "",
    headerValue(header, "from") === undefined ? `From: <${from}>\r\n` : "",
  ].join("");
  return {
    body: seen.has8Bit ? "8BITMIME" : "7BIT",
    smtpUtf8: !isAscii(header),
    async *octets() {
      if (missing !== "") yield Buffer.from(missing, "utf8");
      let head: Buffer | undefined = Buffer.alloc(0);
      for await (const piece of octets()) {
        if (head === undefined) {
          yield piece;
          continue;
        }
        head = Buffer.concat([head, piece]);
        if (head.length < seen.header.length) continue;
        yield withoutFields(head.subarray(0, seen.header.length), ["return-path", "bcc"]);
        yield head.subarray(seen.header.length);
        head = undefined;
      }
    },
  };
}

async function lookAt(octets: AsyncIterable<Uint8Array>) {
  let head = Buffer.alloc(0);
  let hasNul = false;
  let has8Bit = false;
  for await (const piece of octets) {
    if (head.length < headBytesMax) {
      head = Buffer.concat([head, piece.subarray(0, headBytesMax - head.length)]);
    }
    hasNul ||= holdsNul(piece);
    has8Bit ||= !isAscii(piece);
  }
  const end = head.indexOf("\r\n\r\n");
  return { head, header: end === -1 ? head : head.subarray(0, end + 4), hasNul, has8Bit };
}
