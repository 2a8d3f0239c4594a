import { type EnvelopeField, parseDateTime } from "@posthouse/message";
import { limits } from "../limits.ts";
import type { TextCriterion } from "../types.ts";
import { foldText } from "./fold-text.ts";
import type { TextExtent, TextPlace, TextSink } from "./message-texts.ts";
import { lineOf } from "./text-record.ts";

const dayMs = 24 * 60 * 60 * 1000;

/** One criterion, made ready once for many messages. */
export class PreparedCriterion {
  readonly criterion: TextCriterion;
  /** The text that is sought, folded; empty for a date. */
  readonly wanted: string;
  /** The same in UTF-8. */
  readonly wantedOctets: Buffer;
  /** What of a message has to be read to tell. */
  readonly extent: TextExtent;

  constructor(criterion: TextCriterion) {
    const folded =
      criterion.kind === "header" ? { ...criterion, field: foldText(criterion.field) } : criterion;
    this.criterion = folded;
    this.wanted = criterion.kind === "sent" ? "" : foldText(criterion.text);
    this.wantedOctets = Buffer.from(this.wanted);
    this.extent = criterion.kind === "body" || criterion.kind === "text" ? "whole" : "header";
  }

  /** The field of the envelope that decides alone. */
  get envelopeField(): EnvelopeField | undefined {
    if (this.criterion.kind === "sent") return "date";
    return this.criterion.kind === "envelope" ? this.criterion.field : undefined;
  }

  /** What is in the header half of the record of each message that fits; undefined when it may be in the body. */
  get headerTexts(): readonly string[] | undefined {
    const { criterion, wanted } = this;
    if (criterion.kind === "header") return [`h${criterion.field}:`, wanted];
    if (this.extent === "whole") return undefined;
    return [`e${this.envelopeField}:`, wanted];
  }

  /** An empty text is in any body (RFC 9051 §6.4.4). */
  get fitsAll(): boolean {
    return this.wanted === "" && this.extent === "whole";
  }

  matcher(): TextMatcher {
    return new TextMatcher(this);
  }

  /** Whether the text of an envelope's field, folded, fits. */
  fitsEnvelopeText(text: string): boolean {
    const { criterion } = this;
    if (criterion.kind !== "sent") return text.includes(this.wanted);
    const date = parseDateTime(text);
    if (date === undefined) return false;
    const day = Math.floor((date.ms + date.offsetMinutes * 60_000) / dayMs);
    return day >= criterion.firstDay && day <= criterion.lastDay;
  }
}

/** Looks for one criterion in the texts of one message, as they come. */
export class TextMatcher implements TextSink {
  readonly #prepared: PreparedCriterion;
  /** As much of the text before as what is sought may begin in. */
  #kept = "";
  isFound = false;

  constructor(prepared: PreparedCriterion) {
    this.#prepared = prepared;
    this.isFound = prepared.fitsAll;
  }

  field(place: TextPlace, name: string, text: string): boolean {
    const { criterion, wanted } = this.#prepared;
    switch (criterion.kind) {
      case "header":
        return this.#note(place === "header" && name === criterion.field && text.includes(wanted));
      case "body":
        return this.#note(place === "body" && lineOf(name, text).includes(wanted));
      case "text":
        return this.#note(lineOf(name, text).includes(wanted));
      case "envelope":
      case "sent":
        return false;
    }
  }

  envelopeText(field: EnvelopeField, text: string): boolean {
    if (field !== this.#prepared.envelopeField) return false;
    return this.#note(this.#prepared.fitsEnvelopeText(text));
  }

  bodyText(text: string): boolean {
    const { wanted } = this.#prepared;
    const window = this.#kept + text;
    this.#kept = wanted.length > 1 ? window.slice(1 - wanted.length) : "";
    return this.#note(window.includes(wanted));
  }

  bodyTextEnd(): boolean {
    this.#kept = "";
    return this.isFound;
  }

  #note(isFound: boolean): boolean {
    this.isFound ||= isFound;
    return this.isFound;
  }
}

/**
 * What FTS5 is asked for: trigrams that each header or body has in which all of these are; undefined when
 * they are all shorter than one, and any may have them.
 */
export function trigramQuery(texts: readonly string[]): string | undefined {
  const asked = texts.flatMap(someTrigrams);
  if (asked.length === 0) return undefined;
  return asked.map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(" AND ");
}

/** Of a long text some from all over it. */
function someTrigrams(text: string): string[] {
  const characters = Array.from(text.slice(0, limits.searchTextCharactersMax));
  const trigrams = new Set<string>();
  for (let at = 0; at + 3 <= characters.length; at += 1) {
    trigrams.add(characters.slice(at, at + 3).join(""));
  }
  const all = [...trigrams];
  const step = Math.max(1, all.length / limits.searchTrigramsMax);
  const some: string[] = [];
  for (let at = 0; at < all.length; at += step) some.push(all[Math.floor(at)] ?? "");
  return some;
}
