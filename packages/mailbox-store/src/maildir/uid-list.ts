import { limits } from "../limits.ts";

/**
 * `dovecot-uidlist`, version 3, which Dovecot reads and writes too:
 *
 *   3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1
 *   25006 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,S
 *   25017 W1394 :1276533073.M242911P3632.kurkku:2,F
 *
 * V is UIDVALIDITY, N a UID that was not given out when the header was written (later lines may be
 * larger), G the mailbox's id. A line is UID, extensions of Dovecot, colon, file name; what follows
 * `:2,` in it is not kept up to date. Of the extensions P counts, which is the message's unique-id in POP3. Lines only grow in UID. Versions 1 and 2 have neither letters nor G.
 */
export interface UidList {
  readonly uidValidity: number;
  /** Larger than every UID in the list and than N - 1. */
  readonly uidNext: number;
  readonly guid: string | undefined;
  readonly entries: readonly UidListEntry[];
  /** Lines that could not be read, or whose UID did not grow. They are left out. */
  readonly damagedLines: number;
}

export interface UidListEntry {
  readonly uid: number;
  /** The part of the file name before ":2,". */
  readonly key: string;
  /** What POP3 clients know it by, whatever is made of its UID (P). */
  readonly popUid?: string;
}

/** Never throws; undefined when the first line is no header. */
export function parseUidList(octets: Buffer): UidList | undefined {
  const headerEnd = octets.indexOf(0x0a);
  if (headerEnd < 0) return undefined;
  const header = parseHeader(octets.toString("latin1", 0, headerEnd));
  if (header === undefined) return undefined;
  const lines = parseUidListLines(octets.subarray(headerEnd + 1), 0);
  return {
    uidValidity: header.uidValidity,
    uidNext: Math.max(header.uidNext, lines.uidLast + 1),
    guid: header.guid,
    entries: lines.entries,
    damagedLines: lines.damagedLines,
  };
}

/** The lines after the header, or those that were appended since the list was last read. */
export function parseUidListLines(
  octets: Buffer,
  uidBefore: number,
): {
  readonly entries: readonly UidListEntry[];
  readonly uidLast: number;
  readonly damagedLines: number;
} {
  const entries: UidListEntry[] = [];
  let uidLast = uidBefore;
  let damagedLines = 0;
  for (const line of octets.toString("utf8").split("\n")) {
    if (line === "") continue;
    const entry = parseLine(line);
    if (entry === undefined || entry.uid <= uidLast) {
      damagedLines += 1;
      continue;
    }
    uidLast = entry.uid;
    entries.push(entry);
  }
  return { entries, uidLast, damagedLines };
}

/** Unique-ids of POP3 by UID. Most lists have none, which a look for the letter tells. */
export function popUidsIn(octets: Buffer, uidValidity: number): ReadonlyMap<number, string> {
  if (!octets.includes(" P")) return new Map();
  const list = parseUidList(octets);
  if (list?.uidValidity !== uidValidity) return new Map();
  return new Map(
    list.entries.flatMap(({ uid, popUid }) => (popUid === undefined ? [] : [[uid, popUid]])),
  );
}

/** The first line; `uidNext` must be larger than every UID given out. */
export function formatUidListHeader(list: {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly guid: string;
}): string {
  return `3 V${list.uidValidity} N${list.uidNext} G${list.guid}\n`;
}

export function formatUidListLine(entry: UidListEntry): string {
  const { uid, key, popUid } = entry;
  return popUid === undefined ? `${uid} :${key}\n` : `${uid} P${popUid} :${key}\n`;
}

function parseHeader(
  line: string,
): { uidValidity: number; uidNext: number; guid: string | undefined } | undefined {
  const old = /^[12] (\d{1,10}) (\d{1,10})$/.exec(line);
  const fields = line.startsWith("3 ") ? line.slice(2).split(" ") : undefined;
  const field = (letter: string): string | undefined =>
    fields?.find((text) => text.startsWith(letter))?.slice(1);
  const uidValidity = uidOf(old?.[1] ?? field("V"));
  const uidNext = uidOf(old?.[2] ?? field("N"));
  if (uidValidity === undefined || uidNext === undefined) return undefined;
  const guid = field("G");
  return {
    uidValidity,
    uidNext,
    guid: guid !== undefined && /^[0-9a-f]{32}$/.test(guid) ? guid : undefined,
  };
}

function parseLine(line: string): UidListEntry | undefined {
  const space = line.indexOf(" ");
  const uid = uidOf(line.slice(0, Math.max(space, 0)));
  if (uid === undefined) return undefined;
  // Extensions have no colon at their beginning; in version 1 the name follows at once.
  const nameStart = line[space + 1] === ":" ? space + 2 : line.indexOf(" :", space) + 2;
  const fileName = nameStart > 1 ? line.slice(nameStart) : line.slice(space + 1);
  const colon = fileName.indexOf(":");
  const key = colon < 0 ? fileName : fileName.slice(0, colon);
  if (key === "" || key.includes("/") || key.includes("\0")) return undefined;
  const popUid = nameStart > 1 ? popUidIn(line.slice(space, nameStart - 2)) : undefined;
  return popUid === undefined ? { uid, key } : { uid, key, popUid };
}

/** RFC 1939 §7: characters from 0x21 to 0x7E, and 70 of them; names of files that became ids may have more. */
function popUidIn(extensions: string): string | undefined {
  return / P([!-~]{1,250})(?= |$)/.exec(extensions)?.[1];
}

function uidOf(digits: string | undefined): number | undefined {
  if (digits === undefined || !/^\d{1,10}$/.test(digits)) return undefined;
  const uid = Number(digits);
  return uid >= 1 && uid <= limits.uidMax ? uid : undefined;
}
