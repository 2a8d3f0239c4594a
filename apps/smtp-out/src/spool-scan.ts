import type { Queue } from "@posthouse/queue";
import type { Logger } from "@posthouse/service";
import { limits } from "./limits.ts";

export interface SpoolScanSettings {
  readonly queue: Queue;
  readonly log: Logger;
  /** New entries may be due. */
  readonly onScanned: () => void;
}

/**
 * Brings the index up to the spool: at start, from time to time, and soon after an entry could not be
 * admitted, until it succeeds. Mail that was accepted while the index could not be written, on a full
 * disk say, is so sent when there is room again.
 */
export class SpoolScan implements Disposable {
  readonly #settings: SpoolScanSettings;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #isClosing = false;

  constructor(settings: SpoolScanSettings) {
    this.#settings = settings;
  }

  /** The first scan begins now. */
  start(): void {
    void this.#scan();
  }

  /** Takes one entry that a writer made ready into the index; when that fails, a scan does it. */
  async admit(id: string): Promise<void> {
    try {
      await this.#settings.queue.admit(id);
      this.#settings.onScanned();
    } catch (err) {
      this.#complain(err);
      this.#scanIn(limits.troubleWaitMs);
    }
  }

  [Symbol.dispose](): void {
    this.#isClosing = true;
    clearTimeout(this.#timer);
  }

  async #scan(): Promise<void> {
    this.#dueMs = Number.POSITIVE_INFINITY;
    const { queue, log, onScanned } = this.#settings;
    try {
      const { admitted, damaged, swept } = await queue.scan();
      if (admitted > 0) log.info({ admitted }, "Found mail in the queue");
      if (swept > 0) log.info({ swept }, "Removed what was never accepted");
      for (const { name, reason } of damaged) {
        log.error({ name, reason }, "A file in the queue is damaged; see `posthouse queue check`");
      }
      this.#scanIn(limits.scanEveryMs);
    } catch (err) {
      this.#complain(err);
      this.#scanIn(limits.troubleWaitMs);
    }
    // Also of one that broke off: what it found before that is in the index.
    if (!this.#isClosing) onScanned();
  }

  /** A scan that is to come sooner stays. */
  #scanIn(waitMs: number): void {
    const dueMs = performance.now() + waitMs;
    if (this.#isClosing || dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => void this.#scan(), waitMs);
  }

  #complain(err: unknown): void {
    if (!this.#isClosing) this.#settings.log.error({ err }, "Cannot read the spool");
  }
}
