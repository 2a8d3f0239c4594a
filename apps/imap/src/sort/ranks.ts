import { compareCasemapped } from "@posthouse/message";
import { mergeSort } from "./merge-sort.ts";

/** Texts of many messages, as numbers: the same for the same text, and in the order of the texts. */
export class TextRanks {
  readonly #numberOf = new Map<string, number>();
  readonly #texts: string[] = [];

  constructor() {
    this.number("");
  }

  get count(): number {
    return this.#texts.length;
  }

  /** A number for a text; 0 is the empty one. */
  number(text: string): number {
    const known = this.#numberOf.get(text);
    if (known !== undefined) return known;
    const number = this.#texts.length;
    this.#numberOf.set(text, number);
    this.#texts.push(text);
    return number;
  }

  /** By number, where its text stands among all of them. Most texts come often, and are compared once. */
  async ranks(pace: () => Promise<void>): Promise<Uint32Array> {
    const texts = this.#texts;
    const order = Uint32Array.from(texts.keys());
    // Strings compare faster by themselves, and as well where nothing is above U+FFFF.
    const isPlain = !texts.some((text) => /[\ud800-\udfff]/.test(text));
    const compare = isPlain
      ? (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0)
      : compareCasemapped;
    await mergeSort(
      order,
      (one, other) => compare(texts[one] as string, texts[other] as string),
      pace,
    );
    const ranks = new Uint32Array(texts.length);
    for (const [rank, number] of order.entries()) ranks[number] = rank;
    return ranks;
  }
}
