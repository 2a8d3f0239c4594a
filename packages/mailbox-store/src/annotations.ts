import type { AnnotationRow } from "./index/rows.ts";
import { limits } from "./limits.ts";
import { StoreError } from "./store-error.ts";
import type { AnnotationQuery, Annotations } from "./types.ts";

/**
 * The form of an entry name that the store works with: RFC 5464 §3.2 says what a name is, and that case
 * does not count.
 *
 * @throws StoreError "not-permitted"
 */
export function canonicalEntry(entry: string): string {
  const lowered = entry.toLowerCase();
  const components = lowered.split("/");
  const isEntry =
    (components[1] === "private" || components[1] === "shared") &&
    components[0] === "" &&
    components.length > 2 &&
    components.slice(1).every((component) => /^[\x20-\x7e]+$/.test(component)) &&
    !/[*%]/.test(lowered) &&
    lowered.length <= limits.annotationEntryOctetsMax;
  if (!isEntry) throw new StoreError("not-permitted", `Cannot name an annotation "${entry}"`);
  return lowered;
}

/** Whose value it is: a /shared entry has one for all. */
export function userOfEntry(entry: string, user: string): string {
  return entry.startsWith("/private/") ? user : "";
}

/** What of these a query asks for: RFC 5464 §4.2. */
export function annotationsIn(rows: readonly AnnotationRow[], query: AnnotationQuery): Annotations {
  const { depth = 0, valueOctetsMax = Number.POSITIVE_INFINITY, user = "" } = query;
  // "/private" alone may be asked for together with what is below it.
  const wanted = query.entries.map((entry) =>
    /^\/(private|shared)$/i.test(entry) ? entry.toLowerCase() : canonicalEntry(entry),
  );
  const found: { entry: string; value: Uint8Array }[] = [];
  let largestLeftOutOctets: number | undefined;
  for (const { entry, value, user: owner } of rows) {
    if (owner !== userOfEntry(entry, user)) continue;
    if (!wanted.some((one) => isAtOrBelow(entry, one, depth))) continue;
    if (value.length <= valueOctetsMax) found.push({ entry, value });
    else largestLeftOutOctets = Math.max(largestLeftOutOctets ?? 0, value.length);
  }
  return { found, ...(largestLeftOutOctets === undefined ? {} : { largestLeftOutOctets }) };
}

function isAtOrBelow(entry: string, wanted: string, depth: 0 | 1 | "infinity"): boolean {
  if (entry === wanted) return true;
  if (depth === 0 || !entry.startsWith(`${wanted}/`)) return false;
  return depth === "infinity" || !entry.slice(wanted.length + 1).includes("/");
}
