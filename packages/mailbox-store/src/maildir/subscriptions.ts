import { decodeLevel, encodeLevel } from "./folder-name.ts";
import { type NameStyle, ownNameStyle } from "./name-style.ts";

/**
 * `subscriptions`, which Dovecot reads and writes too. Version 2 begins with `V<tab>2` and an empty
 * line and has a tab between levels; before that there was one name a line with `.` between levels.
 * Levels are written as in folder names. We read both and write version 2.
 */
export function parseSubscriptions(
  octets: Buffer,
  style: NameStyle = ownNameStyle,
): ReadonlySet<string> {
  const lines = octets.toString("utf8").split("\n");
  const isVersion2 = lines[0]?.startsWith("V\t2") ?? false;
  const names = new Set<string>();
  for (const line of isVersion2 ? lines.slice(1) : lines) {
    if (line === "") continue;
    const levels = line.split(isVersion2 ? "\t" : ".");
    names.add(levels.map((level) => decodeLevel(level, style)).join("/"));
  }
  return names;
}

export function formatSubscriptions(
  names: ReadonlySet<string>,
  style: NameStyle = ownNameStyle,
): string {
  const lines = [...names].map((name) =>
    name
      .split("/")
      .map((level) => encodeOrKeep(level, style))
      .join("\t"),
  );
  return `V\t2\n\n${lines.map((line) => `${line}\n`).join("")}`;
}

/** A subscribed name need not be one that a mailbox can have. */
function encodeOrKeep(level: string, style: NameStyle): string {
  try {
    return encodeLevel(level, style);
  } catch {
    return level.replace(/[\t\n]/g, "\ufffd");
  }
}
