import { type MessageColumns, systemFlagBits } from "@posthouse/mailbox-store";

const systemFlags = Object.entries(systemFlagBits);

/** The text of each combination of system flags. */
const systemFlagTexts: readonly string[] = Array.from({ length: 32 }, (_, bits) =>
  systemFlags
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([flag]) => flag)
    .join(" "),
);

/** `(\Answered \Flagged \Deleted \Seen \Draft $Forwarded)`: a mailbox's FLAGS, RFC 3501 §7.2.6. */
export const formatFlagList = (keywords: readonly string[]): string =>
  `(${[...systemFlags.map(([flag]) => flag), ...keywords].join(" ")})`;

/** `(\Seen \Recent $Forwarded)`: the flags of the message in one row. */
export function formatFlags(columns: MessageColumns, row: number, isRecent: boolean): string {
  const system = systemFlagTexts[(columns.systemFlags[row] ?? 0) & 31] ?? "";
  const keywords = columns.keywordSets[columns.keywordSet[row] ?? 0] ?? [];
  if (keywords.length === 0 && !isRecent) return `(${system})`;
  const flags = system === "" ? [] : [system];
  if (isRecent) flags.push("\\Recent");
  return `(${[...flags, ...keywords].join(" ")})`;
}
