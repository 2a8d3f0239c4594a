import type { PlannedRecord } from "@posthouse/client-settings";
import { isWithin } from "./within.ts";

/**
 * A zone file of these records of a domain, each set of reasons above its lines: to be included, or given to a
 * provider's import. What belongs into another zone is a comment.
 */
export function zoneText(domain: string, records: readonly PlannedRecord[]): string {
  let lastWhy = "";
  const lines = records.flatMap((record) => {
    const { name, type, data, why, by } = record;
    const line = `${`${name}.`.padEnd(40)} 3600 IN ${type.padEnd(5)} ${data}`;
    const heading = why === lastWhy ? [] : ["", `; ${why}`];
    lastWhy = why;
    if (by === "provider") return [...heading, `; ask the provider: ${line}`];
    return [...heading, isWithin(name, domain) ? line : `; where ${name} has its zone: ${line}`];
  });
  return `${lines.join("\n").trim()}\n`;
}
