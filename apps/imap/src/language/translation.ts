/** Texts by their English form, `{}` for what differs each time, in both. */
export type TextTable = Readonly<Record<string, string>>;

/** Finds the translation of a text that has its particulars filled in already. */
export class Translation {
  readonly #whole = new Map<string, string>();
  readonly #patterns: { readonly pattern: RegExp; readonly translated: readonly string[] }[] = [];

  constructor(table: TextTable) {
    for (const [english, translated] of Object.entries(table)) {
      if (!english.includes("{}")) this.#whole.set(english, translated);
      else this.#patterns.push({ pattern: patternOf(english), translated: translated.split("{}") });
    }
  }

  /** Undefined when the table does not have it. */
  of(text: string): string | undefined {
    const whole = this.#whole.get(text);
    if (whole !== undefined) return whole;
    for (const { pattern, translated } of this.#patterns) {
      const found = pattern.exec(text);
      if (found === null) continue;
      const [, ...particulars] = found;
      return translated.map((piece, index) => piece + (particulars[index] ?? "")).join("");
    }
    return undefined;
  }
}

function patternOf(english: string): RegExp {
  const literal = english.split("{}").map((piece) => RegExp.escape(piece));
  return new RegExp(`^${literal.join("(.*)")}$`, "s");
}
