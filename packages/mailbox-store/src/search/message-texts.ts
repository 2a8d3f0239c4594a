import {
  type CharsetDecoder,
  charsetDecoder,
  decodeTransferEncoding,
  type EnvelopeField,
  EnvelopeTexts,
  headerTexts,
  imapEnvelope,
  type MessagePart,
  parameterValue,
  type TransferDecoder,
} from "@posthouse/message";
import { limits } from "../limits.ts";
import { foldText, TextFolder } from "./fold-text.ts";
import { HtmlText } from "./html-text.ts";

/**
 * Where a text of a message stands. "header" is its own header, "mime" the headers of its parts, "body" all
 * that is in its text parts and in the headers of messages inside (RFC 9051 §6.4.4: BODY is without header
 * fields; those of a message inside are what the outer one says).
 */
export type TextPlace = "header" | "mime" | "body";

/** Takes the texts of a message in their order, folded. What it returns says whether it has enough. */
export interface TextSink {
  /** A field of a header: its name, and all after the colon. A line that is no field has no name. */
  field(place: TextPlace, name: string, text: string): boolean;
  /** A field of the ENVELOPE in one of the ways it may be written. */
  envelopeText(field: EnvelopeField, text: string): boolean;
  /** The next piece of a text part. */
  bodyText(text: string): boolean;
  /** A text part ends: nothing is found across it. */
  bodyTextEnd(): boolean;
}

/** What is to be read of a message. */
export type TextExtent = "header" | "whole";

const envelopeFields: readonly EnvelopeField[] = [
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "bcc",
  "subject",
  "date",
  "message-id",
  "in-reply-to",
];

/**
 * Reads the texts of a message once from its beginning to its end: what comes of a compressed file or of one
 * with LF line ends cannot be had out of order for less. Stops where the sink has enough. Pieces are at most
 * 64 KiB, and no more of a message is in memory at a time than one header and one piece.
 */
export async function readTexts(
  message: { read(start: number, end: number): AsyncIterable<Uint8Array> },
  root: MessagePart,
  extent: TextExtent,
  sink: TextSink,
): Promise<void> {
  const stretches = extent === "header" ? [headerOf(root, "header")] : stretchesOf(root);
  const end = stretches.at(-1)?.end ?? 0;
  const walk = new StretchWalk(stretches, sink);
  let hasEnough = walk.begin();
  if (!hasEnough && end > 0) {
    for await (const octets of message.read(0, end)) {
      hasEnough = walk.push(octets);
      if (hasEnough) return;
    }
  }
  if (!hasEnough) walk.end();
}

/** What an ENVELOPE says, folded. */
export function foldedEnvelopeTexts(envelope: Uint8Array, field: EnvelopeField): string[] {
  return new EnvelopeTexts(envelope).texts(field).map(foldText);
}

/** Octets of a message that are one header or the body of one text part. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly reader: () => StretchReader;
}

interface StretchReader {
  /** True when the sink has enough. */
  push(octets: Uint8Array, sink: TextSink): boolean;
  end(sink: TextSink): boolean;
}

/** In the order of their octets: a tree's own order. */
function stretchesOf(root: MessagePart): readonly Stretch[] {
  const stretches: Stretch[] = [];
  const add = (part: MessagePart, place: TextPlace): void => {
    stretches.push(headerOf(part, place));
    if (part.type === "text") stretches.push(...bodyOf(part));
    const isMessage = part.type === "message";
    for (const child of part.children) add(child, isMessage ? "body" : "mime");
  };
  add(root, "header");
  return stretches;
}

function headerOf(part: MessagePart, place: TextPlace): Stretch {
  const { headerStart: start, bodyStart: end } = part;
  return { start, end, reader: () => new HeaderReader(place) };
}

/** A body in an encoding that nobody knows has no text. */
function bodyOf(part: MessagePart): Stretch[] {
  const transfer = decodeTransferEncoding(part.transferEncoding);
  if (transfer === undefined) return [];
  const { bodyStart: start, bodyEnd: end } = part;
  return [{ start, end, reader: () => new BodyReader(part) }];
}

/** Gives each stretch the octets that are its own. */
class StretchWalk {
  readonly #stretches: readonly Stretch[];
  readonly #sink: TextSink;
  #next = 0;
  #reader: StretchReader | undefined;
  #at = 0;

  constructor(stretches: readonly Stretch[], sink: TextSink) {
    this.#stretches = stretches;
    this.#sink = sink;
  }

  /** Stretches at the very beginning may be empty. */
  begin(): boolean {
    return this.#finishUpTo(0);
  }

  push(octets: Uint8Array): boolean {
    const from = this.#at;
    const to = from + octets.length;
    while (this.#at < to) {
      const stretch = this.#stretches[this.#next];
      if (stretch === undefined) return false;
      const start = Math.max(stretch.start, this.#at);
      const end = Math.min(stretch.end, to);
      if (start < end) {
        this.#reader ??= stretch.reader();
        if (this.#reader.push(octets.subarray(start - from, end - from), this.#sink)) return true;
      }
      this.#at = Math.max(Math.min(stretch.end, to), this.#at);
      if (this.#finishUpTo(this.#at)) return true;
    }
    this.#at = to;
    return this.#finishUpTo(to);
  }

  /** The file may be shorter than it was. */
  end(): boolean {
    return this.#finishUpTo(Number.POSITIVE_INFINITY);
  }

  #finishUpTo(offset: number): boolean {
    for (;;) {
      const stretch = this.#stretches[this.#next];
      if (stretch === undefined || stretch.end > offset) return false;
      const reader = this.#reader ?? stretch.reader();
      this.#reader = undefined;
      this.#next += 1;
      if (reader.end(this.#sink)) return true;
    }
  }
}

/** Collects a header, which ends at its bound as it does everywhere else. */
class HeaderReader implements StretchReader {
  readonly #place: TextPlace;
  readonly #pieces: Uint8Array[] = [];
  #lengthBytes = 0;

  constructor(place: TextPlace) {
    this.#place = place;
  }

  push(octets: Uint8Array): boolean {
    const kept = octets.subarray(0, limits.searchHeaderBytesMax - this.#lengthBytes);
    this.#lengthBytes += kept.length;
    if (kept.length > 0) this.#pieces.push(Buffer.from(kept));
    return false;
  }

  end(sink: TextSink): boolean {
    const header = Buffer.concat(this.#pieces);
    if (this.#place === "header" && tellEnvelope(header, sink)) return true;
    for (const { name, text } of headerTexts(header)) {
      if (sink.field(this.#place, foldText(name), foldText(text))) return true;
    }
    return false;
  }
}

function tellEnvelope(header: Uint8Array, sink: TextSink): boolean {
  const texts = new EnvelopeTexts(imapEnvelope(header));
  for (const field of envelopeFields) {
    for (const text of texts.texts(field)) {
      if (sink.envelopeText(field, foldText(text))) return true;
    }
  }
  return false;
}

/** Octets of a text part, made the text that a reader sees. */
class BodyReader implements StretchReader {
  readonly #transfer: TransferDecoder | undefined;
  readonly #charset: CharsetDecoder;
  readonly #html: HtmlText | undefined;
  readonly #folder = new TextFolder();

  constructor(part: MessagePart) {
    this.#transfer = decodeTransferEncoding(part.transferEncoding);
    this.#charset = charsetDecoder(parameterValue(part.parameters, "charset") ?? "us-ascii");
    this.#html = part.subtype === "html" ? new HtmlText() : undefined;
  }

  push(octets: Uint8Array, sink: TextSink): boolean {
    const decoded = this.#charset.push(this.#transfer?.push(octets) ?? octets);
    const text = this.#folder.push(this.#html?.push(decoded) ?? decoded);
    return text !== "" && sink.bodyText(text);
  }

  end(sink: TextSink): boolean {
    const last = this.#charset.push(this.#transfer?.end() ?? new Uint8Array(0));
    const decoded = last + this.#charset.end();
    const shown = this.#html === undefined ? decoded : this.#html.push(decoded) + this.#html.end();
    const text = this.#folder.push(shown) + this.#folder.end();
    return (text !== "" && sink.bodyText(text)) || sink.bodyTextEnd();
  }
}
