import type { CommandNode } from "../language/syntax-tree.ts";
import { limits } from "../limits.ts";
import type { Problem } from "../sieve-error.ts";

/** Commands of which one run does only so many: with one more it fails. */
const bounds: ReadonlyMap<string, number> = new Map([
  ["redirect", limits.redirectsMax],
  ["notify", limits.notificationsMax],
]);

/** Nothing of the same block is run behind these: RFC 5228 §3.3, RFC 6609 §3.3; break ends a loop. */
const endings: ReadonlySet<string> = new Set(["stop", "return", "break"]);

/**
 * What may not be what its author meant, in a script that can be run (RFC 5804 §1.3, WARNINGS). Commands
 * are counted as they stand there: those of two branches never run both, and the sentence says "may".
 */
export function warningsOf(nodes: readonly CommandNode[]): readonly Problem[] {
  const warnings: Problem[] = [];
  const counts = new Map<string, number>();
  const look = (block: readonly CommandNode[]): void => {
    for (const [at, { name, place, block: inner }] of block.entries()) {
      if (endings.has(block[at - 1]?.name ?? "")) {
        warnings.push({ ...place, message: `nothing behind ${block[at - 1]?.name} is run` });
      }
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      const most = bounds.get(name);
      if (most !== undefined && count === most + 1) {
        const message = `one message has ${most} of ${name} at most: with this one the filter may fail`;
        warnings.push({ ...place, message });
      }
      if (inner !== undefined) look(inner);
    }
  };
  look(nodes);
  return warnings.slice(0, limits.problemsMax);
}
