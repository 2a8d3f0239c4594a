/**
 * Answers of auth, until it says that they may have changed.
 *
 * An answer that was asked for before clear() and comes after it is given to who asked, and not kept:
 * nobody knows on which side of the change it was made.
 */
export class AnswerCache<Answer> {
  readonly #sizeMax: number;
  #answers = new Map<string, Answer>();

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** The answer that is known, else the one that `ask` gives, which is kept when `isKept` says so. */
  async get<Given extends Answer | undefined>(
    question: string,
    ask: () => Promise<Given>,
    isKept: (answer: Given) => boolean,
  ): Promise<Given | Answer> {
    const known = this.#answers.get(question);
    if (known !== undefined) return known;
    const asked = this.#answers;
    const answer = await ask();
    if (answer !== undefined && isKept(answer)) {
      if (asked.size >= this.#sizeMax) asked.clear();
      asked.set(question, answer);
    }
    return answer;
  }

  clear(): void {
    // A new map: what is still on its way goes into the old one, which nobody reads.
    this.#answers = new Map();
  }
}
