import { scriptLimits } from "./script-limits.ts";
import type { RememberedKey } from "./script-store.ts";

/**
 * `memory`: one line a key, "<until, ms since 1970> <key>". Lines are appended; of two for one key the
 * later counts. A line that a crash cut off is passed over.
 */
export function parseMemory(text: string): Map<string, number> {
  const remembered = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, until, key] = /^(\d{1,15}) (\S{1,256})$/.exec(line) ?? [];
    if (key === undefined) continue;
    remembered.delete(key);
    remembered.set(key, Number(until));
  }
  return remembered;
}

/** Begins with a line end, so that a line that was cut off before it ends there. */
export function formatMemory(entries: readonly RememberedKey[]): string {
  return entries.map(({ key, untilMs }) => `\n${Math.ceil(untilMs)} ${key}\n`).join("");
}

/** Those whose time is not over, the youngest. */
export function stillRemembered(
  remembered: ReadonlyMap<string, number>,
  nowMs: number,
): readonly RememberedKey[] {
  return [...remembered]
    .filter(([, untilMs]) => untilMs > nowMs)
    .map(([key, untilMs]) => ({ key, untilMs }))
    .slice(-scriptLimits.rememberedMax);
}
