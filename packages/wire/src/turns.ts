/**
 * Lets one through in each turn of the event loop, in order. A hundred clients that come at once are served as fast
 * as before, but what others ask is served between them.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  /** At once, when nobody else has had this turn. */
  async take(): Promise<void> {
    if (this.#isTaken) {
      await new Promise<void>((wake) => {
        this.#waiting.push(wake);
      });
      return;
    }
    this.#isTaken = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    const wake = this.#waiting.shift();
    if (wake === undefined) {
      this.#isTaken = false;
      return;
    }
    wake();
    setImmediate(() => this.#next());
  }
}
