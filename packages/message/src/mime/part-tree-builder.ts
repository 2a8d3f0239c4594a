import { BoundedBuffer } from "../bounded-buffer.ts";
import { imapEnvelope } from "../imap/imap-envelope.ts";
import {
  headerBytesMax,
  lineHeadBytes,
  partDepthMax,
  partsMax,
  treeTextBytesMax,
} from "../limits.ts";
import type { MessagePart } from "../message-part.ts";
import { type BoundaryLine, boundaryLine } from "./boundary-line.ts";
import { bareContent, type ContentFields, contentFields, textBytesOf } from "./content-fields.ts";
import { closedPart, holdingOf, type OpenPart, type PartEnd } from "./open-part.ts";

const HYPHEN = 0x2d;
const lineEnd = Uint8Array.of(0x0d, 0x0a);
const noHeader = new Uint8Array(0);

/**
 * Makes the tree of parts out of lines. `#open` is the way from the outermost message down to the
 * part that the next line belongs to; a delimiter closes what is open below its multipart.
 */
export class PartTreeBuilder {
  readonly #open: OpenPart[] = [];
  readonly #header = new BoundedBuffer(headerBytesMax);
  #outerHeader: Uint8Array | undefined;
  #root: MessagePart | undefined;
  #partCount = 0;
  #textBytes = 0;
  #offset = 0;
  #lines = 0;
  /** Of the line before: a delimiter owns it. */
  #lineEndBytes = 0;

  constructor() {
    this.#begin(false);
  }

  /** The next line belongs to a header, of which every octet is wanted. */
  get isInHeader(): boolean {
    const innermost = this.#open.at(-1);
    return innermost !== undefined && innermost.body === undefined;
  }

  get outerHeader(): Uint8Array {
    return this.#outerHeader ?? this.#header.octets;
  }

  /** Octets of the lines so far. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Takes a line: `octets` from start to end is as much of its text as was kept, `textBytes` how
   * long that is in truth, `lineEndBytes` 0 when the message ends within the line.
   */
  line(
    octets: Uint8Array,
    start: number,
    end: number,
    textBytes: number,
    lineEndBytes: number,
  ): void {
    const delimiter = this.#delimiter(octets, start, end);
    if (delimiter !== undefined) this.#closeAtDelimiter(delimiter.index);
    this.#offset += textBytes + lineEndBytes;
    if (lineEndBytes > 0) this.#lines += 1;
    this.#lineEndBytes = lineEndBytes;
    if (delimiter !== undefined) this.#afterDelimiter(delimiter);
    else if (this.isInHeader) this.#headerLine(octets.subarray(start, end), lineEndBytes);
  }

  /** Closes all; the message ends here. */
  end(): MessagePart {
    const here = { offset: this.#offset, lines: this.#lines };
    this.#closeFrom(0, here, here);
    if (this.#root === undefined) throw new RangeError("Cannot end a message without a part");
    return this.#root;
  }

  get #innermost(): OpenPart {
    const part = this.#open.at(-1);
    if (part === undefined) throw new RangeError("Cannot go on: the message has ended");
    return part;
  }

  get #hasRoom(): boolean {
    return this.#open.length < partDepthMax && this.#partCount < partsMax;
  }

  #begin(isInDigest: boolean): void {
    this.#partCount += 1;
    this.#open.push({ headerStart: this.#offset, isInDigest, isClosed: false, children: [] });
  }

  #delimiter(octets: Uint8Array, start: number, end: number): BoundaryLine | undefined {
    if (octets[start] !== HYPHEN || octets[start + 1] !== HYPHEN) return undefined;
    const head = octets.subarray(start, Math.min(end, start + lineHeadBytes));
    const delimiter = boundaryLine(head, this.#open);
    // At the limit no part begins any more: the last one goes on up to the close delimiter.
    if (delimiter?.isClosing === false && this.#partCount >= partsMax) return undefined;
    return delimiter;
  }

  /** Closes what is open below the delimiter's multipart, before that line is counted. */
  #closeAtDelimiter(index: number): void {
    const ownedLines = this.#lineEndBytes > 0 ? 1 : 0;
    const before = { offset: this.#offset - this.#lineEndBytes, lines: this.#lines - ownedLines };
    this.#closeFrom(index + 1, before, { offset: this.#offset, lines: this.#lines });
  }

  #afterDelimiter({ isClosing }: BoundaryLine): void {
    const multipart = this.#innermost;
    multipart.isClosed = isClosing;
    if (!isClosing) this.#begin(multipart.body?.content.subtype === "digest");
  }

  #headerLine(text: Uint8Array, lineEndBytes: number): void {
    if (this.#header.lengthBytes < headerBytesMax) {
      this.#header.push(text);
      if (lineEndBytes > 0) this.#header.push(lineEnd);
    }
    if (text.length === 0) this.#endHeader();
  }

  /** Reads the header of the innermost part, whose body begins here. */
  #endHeader(): void {
    const part = this.#innermost;
    const header = this.#header.octets;
    const holder = this.#open.at(-2);
    if (holder === undefined) this.#outerHeader = header.slice();
    else if (holder.boundary === undefined) holder.envelope = this.#boundedEnvelope(header);
    const holding = holdingOf(contentFields(header, part.isInDigest), this.#hasRoom);
    const content = this.#boundedContent(holding.content);
    this.#header.clear();
    part.body = { start: this.#offset, content, linesBefore: this.#lines };
    if (holding.kind === "multipart") part.boundary = holding.boundary;
    if (holding.kind === "message") this.#begin(false);
  }

  #closeFrom(index: number, beforeLineEnd: PartEnd, afterLineEnd: PartEnd): void {
    while (this.#open.length > index) {
      // A header that the delimiter cuts off; a message/rfc822 then holds an empty message.
      while (this.isInHeader) this.#endHeader();
      const closed = closedPart(this.#innermost, beforeLineEnd, afterLineEnd);
      this.#open.pop();
      const holder = this.#open.at(-1);
      if (holder === undefined) this.#root = closed;
      else holder.children.push(closed);
    }
  }

  #boundedContent(content: ContentFields): ContentFields {
    const textBytes = textBytesOf(content);
    if (this.#textBytes + textBytes > treeTextBytesMax) return bareContent(content);
    this.#textBytes += textBytes;
    return content;
  }

  #boundedEnvelope(header: Uint8Array): Uint8Array {
    const envelope = imapEnvelope(header);
    if (this.#textBytes + envelope.length > treeTextBytesMax) return imapEnvelope(noHeader);
    this.#textBytes += envelope.length;
    return envelope;
  }
}
