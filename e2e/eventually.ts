import { setTimeout as delay } from "node:timers/promises";

const EVERY_MS = 25;

/**
 * Waits for something that gives no event, such as a file that a foreign program writes: asks again and
 * again until `ask` gives anything but undefined and false. What it throws counts as "not yet", and is
 * told when the time is over.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  limitMs = 60_000,
): Promise<T> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    let cause: unknown;
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`Waited ${limitMs / 1000} s in vain until ${what}`, { cause });
    }
    await delay(EVERY_MS);
  }
}
