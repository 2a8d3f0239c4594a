import { deflateSync, inflateSync } from "node:zlib";
import type { EnvelopeField } from "@posthouse/message";
import { limits } from "../limits.ts";
import type { TextPlace, TextSink } from "./message-texts.ts";

/**
 * The texts of one message as search.sqlite keeps them, folded, in two halves.
 *
 * Header: entries of `place name ":" text`, place being one letter: h for a field of the message's own
 * header, m for one of its parts, e for one of the envelope, whose names are those of EnvelopeField.
 * Body: the text of each text part, and of each field of a message inside, as one entry.
 * Entries end with NUL, which no folded text has. zlib's format: its checksum tells of damage.
 */
export interface TextRecord {
  readonly header: string;
  readonly body: string;
}

const placeLetters = { header: "h", mime: "m" } as const;

/** Collects a record; `isTooLarge` when there is more text than is kept. */
export class RecordSink implements TextSink {
  #header: string[] = [];
  #body: string[] = [];
  #characters = 0;
  #isTooLarge = false;

  get isTooLarge(): boolean {
    return this.#isTooLarge;
  }

  get record(): TextRecord {
    return { header: this.#header.join(""), body: this.#body.join("") };
  }

  field(place: TextPlace, name: string, text: string): boolean {
    if (place === "body") return this.#add(this.#body, `${lineOf(name, text)}\0`);
    return this.#add(this.#header, `${placeLetters[place]}${name}:${text}\0`);
  }

  envelopeText(field: EnvelopeField, text: string): boolean {
    return this.#add(this.#header, `e${field}:${text}\0`);
  }

  bodyText(text: string): boolean {
    return this.#add(this.#body, text);
  }

  bodyTextEnd(): boolean {
    return this.#add(this.#body, "\0");
  }

  #add(entries: string[], text: string): boolean {
    this.#characters += text.length;
    this.#isTooLarge = this.#characters > limits.searchTextCharactersMax;
    if (!this.#isTooLarge) entries.push(text);
    return this.#isTooLarge;
  }
}

/** A header line as it is searched by TEXT. */
export function lineOf(name: string, text: string): string {
  return name === "" ? text : `${name}:${text}`;
}

/** Tells a sink what a header half says. */
export function replayHeader(header: string, sink: TextSink): boolean {
  for (let start = 0; start < header.length; ) {
    const end = header.indexOf("\0", start);
    const colon = header.indexOf(":", start);
    if (end < 0 || colon < 0) return false;
    const name = header.slice(start + 1, colon);
    const text = header.slice(colon + 1, end);
    const isEnough =
      header[start] === "e"
        ? sink.envelopeText(name as EnvelopeField, text)
        : sink.field(header[start] === "h" ? "header" : "mime", name, text);
    if (isEnough) return true;
    start = end + 1;
  }
  return false;
}

export function packText(text: string): Buffer {
  return deflateSync(text);
}

/** The text in UTF-8: what is only searched need not become a string. */
export function unpackOctets(octets: Uint8Array): Buffer {
  return inflateSync(octets);
}
