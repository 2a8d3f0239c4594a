import { availableParallelism } from "node:os";
import { AuthUnavailable } from "../auth-unavailable.ts";
import { limits } from "../limits.ts";

/**
 * Lets few hashes run at a time.
 *
 * bcrypt and PBKDF2 run on libuv's threads, which also serve every file access: eight hashes at once
 * stop all of them for most of a second. So at most two run. On two cores that is all there is; but a hundred people
 * whose connections broke together are in again after 3 s with two, and after 6 with one.
 *
 * The idea that looks enough and is not: one line for all. An address that tries passwords would fill
 * it, and everybody else would wait behind. So each key (an address) has a line of its own, lines take
 * turns, and of one line one runs at a time: the outcome of a guess is known before the next is made,
 * and a ban ends the rest of the line without hashing.
 *
 * A hash for somebody who has given up would only keep the next from being answered in time: what has waited for too
 * long is refused when its turn comes.
 */
export class HashQueue {
  readonly #atOnce: number;
  readonly #lines = new Map<string, Waiting[]>();
  readonly #running = new Set<string>();
  readonly #now: () => number;
  #waiting = 0;

  constructor(
    atOnce = Math.min(2, availableParallelism()),
    now: () => number = () => performance.now(),
  ) {
    this.#atOnce = atOnce;
    this.#now = now;
  }

  /** How many are in line. */
  get waiting(): number {
    return this.#waiting;
  }

  /** @throws AuthUnavailable when the line is full, or its turn came too late */
  run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const line = this.#lines.get(key) ?? [];
    const isFull = this.#waiting >= limits.hashesWaitingMax;
    if (isFull || line.length >= limits.hashesWaitingPerAddressMax) {
      return Promise.reject(new AuthUnavailable("Too many passwords are being checked"));
    }
    const untilMs = this.#now() + limits.hashWaitMsMax;
    return new Promise((resolve, reject) => {
      line.push(async () => {
        if (this.#now() > untilMs)
          reject(new AuthUnavailable("The turn of a password came too late"));
        else await work().then(resolve, reject);
      });
      this.#lines.set(key, line);
      this.#waiting += 1;
      this.#startNext();
    });
  }

  #startNext(): void {
    while (this.#running.size < this.#atOnce) {
      const key = this.#nextKey();
      if (key === undefined) return;
      const work = this.#takeFrom(key);
      this.#running.add(key);
      void work().finally(() => {
        this.#running.delete(key);
        this.#startNext();
      });
    }
  }

  /** Lines are in the order of their turns; one whose work runs is passed over. */
  #nextKey(): string | undefined {
    for (const key of this.#lines.keys()) if (!this.#running.has(key)) return key;
    return undefined;
  }

  #takeFrom(key: string): Waiting {
    const line = this.#lines.get(key) ?? [];
    const [work = async () => undefined] = line.splice(0, 1);
    this.#waiting -= 1;
    // To the end of the turns, or gone when nobody is left.
    this.#lines.delete(key);
    if (line.length > 0) this.#lines.set(key, line);
    return work;
  }
}

/** Never rejects: the outcome goes to whoever waits for it. */
type Waiting = () => Promise<unknown>;
