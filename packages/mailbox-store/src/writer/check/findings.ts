import { limits } from "../../limits.ts";

/**
 * What a check has found, as sentences: what is so, and what repair does. Of many of one kind the first
 * are told one by one and the others counted.
 */
export class Findings {
  readonly #sentences: string[] = [];
  readonly #counts = new Map<string, number>();

  /** `kind` is in the plural: "7 more files that are gone". */
  add(kind: string, sentence: string): void {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    if (count <= limits.findingsPerKindMax) this.#sentences.push(sentence);
  }

  all(): readonly string[] {
    const more = [...this.#counts]
      .filter(([, count]) => count > limits.findingsPerKindMax)
      .map(([kind, count]) => `${count - limits.findingsPerKindMax} more ${kind}`);
    return [...this.#sentences, ...more];
  }
}
