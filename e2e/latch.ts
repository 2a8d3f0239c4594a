const LIMIT_MS = 60_000;

/** Lets those wait who wait for a state that somebody else changes and tells of. */
export class Latch {
  #waiting = Promise.withResolvers<void>();

  /** Something has changed. */
  open(): void {
    this.#waiting.resolve();
    this.#waiting = Promise.withResolvers<void>();
  }

  /** Resolves when `is`, asked after each change, says yes; fails when that takes too long. */
  async until(what: string, is: () => boolean, limitMs = LIMIT_MS): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`Waited ${limitMs / 1000} s in vain until ${what}`)),
      limitMs,
    );
    try {
      while (!is()) await Promise.race([this.#waiting.promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
