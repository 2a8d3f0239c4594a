import { limits } from "../limits.ts";

/**
 * Several at a time, since each waits for the disk. The first failure ends it, when what had begun has
 * ended: nothing is still at work on files that the caller closes then.
 */
export async function inParallel<Item>(
  items: Iterable<Item>,
  run: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const worker = async () => {
    while (failures.length === 0) {
      try {
        const next = waiting.next();
        if (next.done === true) return;
        await run(next.value);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: limits.adoptionsAtOnce }, worker));
  if (failures.length > 0) throw failures[0];
}
