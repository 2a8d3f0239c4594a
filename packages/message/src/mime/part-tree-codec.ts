import { partDepthMax } from "../limits.ts";
import type { MessagePart } from "../message-part.ts";
import { octetsFromText } from "../octets.ts";

/**
 * A part tree as octets, for one column of the index.
 *
 *   octet     what
 *   0         version, 1. A reader that meets another version scans the message again.
 *   1...      the outermost part
 *
 * A part is numbers and texts in this order. A number is seven bits an octet, the lowest first, the
 * eighth set while more follow. A text is its length in octets and its UTF-8.
 *
 *   headerStart, less the bodyStart of the part around it
 *   bodyStart - headerStart, bodyEnd - bodyStart, lines
 *   type, subtype, transferEncoding, parameters (their number, then name and value of each)
 *   which of the optional fields follow: a sum of the bits of `optional`, in whose order they stand
 *   the number of children, and the children
 */
const version = 1;

const optional = {
  contentId: 1,
  description: 2,
  md5: 4,
  disposition: 8,
  language: 16,
  location: 32,
  envelope: 64,
} as const;

/** The octets are no part tree, or one of another version: scan the message again. */
export class PartTreeError extends Error {
  override readonly name = "PartTreeError";
}

/** The tree as octets; decodePartTree() gives it back. */
export function encodePartTree(part: MessagePart): Uint8Array<ArrayBuffer> {
  const writer = new TreeWriter();
  writer.number(version);
  writePart(writer, part, 0);
  return writer.octets();
}

/** The tree from its octets; throws PartTreeError on anything that encodePartTree() did not write. */
export function decodePartTree(octets: Uint8Array): MessagePart {
  const reader = new TreeReader(octets);
  const found = reader.number();
  if (found !== version) throw new PartTreeError(`Cannot read a part tree of version ${found}`);
  const part = readPart(reader, 0, 0);
  reader.end();
  return part;
}

function writePart(writer: TreeWriter, part: MessagePart, origin: number): void {
  writer.number(part.headerStart - origin);
  writer.number(part.bodyStart - part.headerStart);
  writer.number(part.bodyEnd - part.bodyStart);
  writer.number(part.lines);
  writer.text(part.type);
  writer.text(part.subtype);
  writer.text(part.transferEncoding);
  writer.parameters(part.parameters);
  writeOptional(writer, part);
  writer.number(part.children.length);
  for (const child of part.children) writePart(writer, child, part.bodyStart);
}

function writeOptional(writer: TreeWriter, part: MessagePart): void {
  const { contentId, description, md5, disposition, language, location, envelope } = part;
  let present = 0;
  for (const [name, bit] of Object.entries(optional)) {
    if (part[name as keyof typeof optional] !== undefined) present += bit;
  }
  writer.number(present);
  for (const text of [contentId, description, md5]) if (text !== undefined) writer.text(text);
  if (disposition !== undefined) {
    writer.text(disposition.type);
    writer.parameters(disposition.parameters);
  }
  if (language !== undefined) {
    writer.number(language.length);
    for (const tag of language) writer.text(tag);
  }
  if (location !== undefined) writer.text(location);
  if (envelope !== undefined) writer.bytes(envelope);
}

function readPart(reader: TreeReader, origin: number, depth: number): MessagePart {
  // One more than the scanner nests: its deepest parts hold none.
  if (depth > partDepthMax) throw new PartTreeError("Cannot read a part tree that is too deep");
  const headerStart = origin + reader.number();
  const bodyStart = headerStart + reader.number();
  const bodyEnd = bodyStart + reader.number();
  return {
    headerStart,
    bodyStart,
    bodyEnd,
    lines: reader.number(),
    type: reader.text(),
    subtype: reader.text(),
    transferEncoding: reader.text(),
    parameters: reader.parameters(),
    ...readOptional(reader),
    children: reader.list(() => readPart(reader, bodyStart, depth + 1)),
  };
}

function readOptional(reader: TreeReader): Partial<MessagePart> {
  const present = reader.number();
  const has = (name: keyof typeof optional): boolean => (present & optional[name]) !== 0;
  return {
    ...(has("contentId") && { contentId: reader.text() }),
    ...(has("description") && { description: reader.text() }),
    ...(has("md5") && { md5: reader.text() }),
    ...(has("disposition") && {
      disposition: { type: reader.text(), parameters: reader.parameters() },
    }),
    ...(has("language") && { language: reader.list(() => reader.text()) }),
    ...(has("location") && { location: reader.text() }),
    ...(has("envelope") && { envelope: reader.bytes().slice() }),
  };
}

class TreeWriter {
  #octets = new Uint8Array(512);
  #length = 0;

  octets(): Uint8Array<ArrayBuffer> {
    return this.#octets.slice(0, this.#length);
  }

  number(value: number): void {
    this.#reserve(8);
    let rest = value;
    // Sizes may pass 2^31, where the operators on bits end.
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#octet((rest % 0x80) | 0x80);
    this.#octet(rest);
  }

  text(value: string): void {
    this.bytes(octetsFromText(value));
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.#reserve(value.length);
    this.#octets.set(value, this.#length);
    this.#length += value.length;
  }

  parameters(list: MessagePart["parameters"]): void {
    this.number(list.length);
    for (const [name, value] of list) {
      this.text(name);
      this.text(value);
    }
  }

  #octet(value: number): void {
    this.#octets[this.#length] = value;
    this.#length += 1;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#octets.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#octets.length * 2));
    larger.set(this.#octets);
    this.#octets = larger;
  }
}

class TreeReader {
  readonly #octets: Uint8Array;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #at = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  end(): void {
    if (this.#at !== this.#octets.length) {
      throw new PartTreeError("Cannot read a part tree that has octets after its end");
    }
  }

  number(): number {
    let value = 0;
    for (let factor = 1; factor <= 0x80 ** 7; factor *= 0x80) {
      const octet = this.#octets[this.#at];
      if (octet === undefined) throw new PartTreeError("Cannot read a part tree that is cut off");
      this.#at += 1;
      value += (octet & 0x7f) * factor;
      if (octet < 0x80 && Number.isSafeInteger(value)) return value;
    }
    throw new PartTreeError("Cannot read a number that is too large");
  }

  text(): string {
    return this.#decoder.decode(this.bytes());
  }

  bytes(): Uint8Array {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.#octets.length) throw new PartTreeError("Cannot read a text that is cut off");
    const bytes = this.#octets.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  parameters(): MessagePart["parameters"] {
    return this.list(() => [this.text(), this.text()] as const);
  }

  list<Item>(item: () => Item): Item[] {
    const length = this.number();
    // Every item takes an octet at least: a false number ends here, before memory is asked for.
    if (length > this.#octets.length - this.#at) {
      throw new PartTreeError("Cannot read a list that is cut off");
    }
    return Array.from({ length }, item);
  }
}
