import { limits } from "../limits.ts";
import { HeaderFilter } from "./header-filter.ts";
import type { Edit } from "./mbox-journal.ts";
import type { OctetSource, ScannedMessage } from "./mbox-scanner.ts";
import {
  formatBase,
  formatOwnNotes,
  formatStatus,
  type MboxBase,
  type MboxFlags,
  type OwnNotes,
  plainForm,
} from "./store-fields.ts";

/** What the store fields of one message are to say. */
export interface HeaderBlock {
  /** In the first message only. */
  readonly base: MboxBase | undefined;
  readonly uid: number;
  readonly flags: MboxFlags;
  readonly contentLength: number | undefined;
  readonly notes: OwnNotes | undefined;
}

/** Blanks after X-Keywords of a new block: two short keywords more fit without moving what follows. */
const roomOctets = 32;

/** The fields as lines, at the head of the message. `wantedOctets` is met where that is possible. */
export function formatBlock(block: HeaderBlock, wantedOctets?: number): string {
  const { status, xStatus } = formatStatus(block.flags);
  const keywords = block.flags.keywords.join(" ");
  const before =
    (block.base === undefined ? "" : `X-IMAPbase: ${formatBase(block.base)}\n`) +
    `X-UID: ${block.uid}\nStatus: ${status}\nX-Status: ${xStatus}\nX-Keywords: ${keywords}`;
  const after =
    (block.contentLength === undefined ? "" : `Content-Length: ${block.contentLength}\n`) +
    (block.notes === undefined ? "" : `X-Posthouse-Mbox: ${formatOwnNotes(block.notes)}\n`);
  const octets = Buffer.byteLength(before) + 1 + Buffer.byteLength(after);
  const room =
    wantedOctets === undefined || wantedOctets < octets ? roomOctets : wantedOctets - octets;
  return `${before}${" ".repeat(room)}\n${after}`;
}

/**
 * What to write so that a message that is there says this; undefined when it does. The other lines of its header stay, behind the
 * block; where there is room for the block, nothing after it moves.
 */
export function blockEdit(
  source: OctetSource,
  message: ScannedMessage,
  block: HeaderBlock,
): Edit | undefined {
  const { headerOffset } = message;
  const end = Math.min(message.bodyOffset, headerOffset + limits.mboxHeaderBytesMax);
  const header = Buffer.from(source.read(headerOffset, end - headerOffset));
  // Of a longer header the first lines: a field of ours further down is not looked at, as the first counts.
  const cut = end === message.bodyOffset ? header.length : header.lastIndexOf(0x0a) + 1;
  const filter = new HeaderFilter(plainForm);
  const whole = header.subarray(0, cut);
  const others = Buffer.concat([filter.convert(whole), filter.end()]);
  const lines = Buffer.from(formatBlock(block, cut - others.length));
  return difference(headerOffset, whole, Buffer.concat([lines, others]));
}

/** X-IMAP of c-client's internal message, the first in its mbox, with this in it. */
export function internalEdits(
  source: OctetSource,
  message: ScannedMessage,
  base: MboxBase,
): Edit[] {
  const { headerOffset, bodyOffset } = message;
  const length = Math.min(bodyOffset - headerOffset, limits.mboxHeaderBytesMax);
  const before = Buffer.from(source.read(headerOffset, length));
  const text = before.toString("latin1");
  const line = /^X-IMAP:.*$/im.exec(text)?.[0] ?? "";
  const after = `X-IMAP: ${Buffer.from(formatBase(base)).toString("latin1")}`.padEnd(line.length);
  const edit = difference(
    headerOffset,
    before,
    Buffer.from(
      text.replace(line, () => after),
      "latin1",
    ),
  );
  return edit === undefined ? [] : [edit];
}

/** As little as is different, where nothing moves. */
function difference(offset: number, before: Buffer, after: Buffer): Edit | undefined {
  if (before.length !== after.length) {
    return { start: offset, end: offset + before.length, octets: after };
  }
  let start = 0;
  while (start < before.length && before[start] === after[start]) start += 1;
  if (start === before.length) return undefined;
  let end = before.length;
  while (before[end - 1] === after[end - 1]) end -= 1;
  return { start: offset + start, end: offset + end, octets: after.subarray(start, end) };
}
