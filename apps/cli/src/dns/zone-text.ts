import type { PlannedRecord } from "@posthouse/client-settings";

/** A zone file of these records, each set of reasons above its lines: to be included, or given to a provider's import. */
export function zoneText(records: readonly PlannedRecord[]): string {
  let lastWhy = "";
  const lines = records.flatMap((record) => {
    const { name, type, data, why, by } = record;
    const line = `${`${name}.`.padEnd(40)} 3600 IN ${type.padEnd(5)} ${data}`;
    const heading = why === lastWhy ? [] : ["", `; ${why}`];
    lastWhy = why;
    // It belongs into a zone that only the provider has.
    return [...heading, by === "provider" ? `; ask the provider: ${line}` : line];
  });
  return `${lines.join("\n").trim()}\n`;
}
