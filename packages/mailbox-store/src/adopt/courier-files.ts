import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { limits } from "../limits.ts";
import { errnoOf, readIfThere } from "../maildir/durable-file.ts";
import type { UidListEntry } from "../maildir/uid-list.ts";

/** What Courier keeps beside its messages. Read only: nothing here writes a file of Courier's. */
export interface CourierUids {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly entries: readonly UidListEntry[];
  readonly damagedLines: number;
}

/**
 * `courierimapuiddb`: `1 <UIDVALIDITY> <next UID>`, then `<UID> <file name up to the colon>` a line.
 * Never throws; undefined when the first line is no header.
 */
export function parseCourierUids(octets: Buffer): CourierUids | undefined {
  const [first = "", ...lines] = octets.toString("utf8").split("\n");
  const header = /^1 (\d{1,10}) (\d{1,10})\s*$/.exec(first);
  const uidValidity = Number(header?.[1] ?? 0);
  if (uidValidity < 1 || uidValidity > limits.uidMax) return undefined;
  const keyOfUid = new Map<number, string>();
  let damagedLines = 0;
  for (const line of lines) {
    if (line === "") continue;
    const match = /^(\d{1,10}) ([^/\0]+)$/.exec(line);
    const uid = Number(match?.[1] ?? 0);
    const key = match?.[2]?.split(":", 1)[0] ?? "";
    if (uid < 1 || uid > limits.uidMax || key === "" || keyOfUid.has(uid)) damagedLines += 1;
    else keyOfUid.set(uid, key);
  }
  const entries = [...keyOfUid].sort(([a], [b]) => a - b).map(([uid, key]) => ({ uid, key }));
  const uidNext = Math.max(Number(header?.[2] ?? 1), (entries.at(-1)?.uid ?? 0) + 1);
  return { uidValidity, uidNext: Math.min(uidNext, limits.uidMax), entries, damagedLines };
}

/**
 * `courierpop3dsizelist`: `/3 <next number> <UIDVALIDITY>`, then `<file name> <octets> <number>:<UIDVALIDITY>:<0 or
 * 1>` a line, in version 2 without the last. The unique-ids that its POP3 clients know, by key. They are of three
 * kinds, as Courier was of three ages when it first saw the message. Never throws.
 */
export function parseCourierPopUids(octets: Buffer): ReadonlyMap<string, string> {
  const [first = "", ...lines] = octets.toString("latin1").split("\n");
  const popUids = new Map<string, string>();
  if (!/^\/[23] \d/.test(first)) return popUids;
  for (const line of lines) {
    const found = /^([^/\0]+) \d+ (\d{1,10}):(\d{1,10})(?::[01])?$/.exec(line);
    const key = found?.[1]?.split(":", 1)[0] ?? "";
    if (found === null || key === "") continue;
    const [, , number = "0", uidValidity] = found;
    if (Number(number) === 0) popUids.set(utf8Of(key), escapedKey(key));
    else if (Number(uidValidity) === 0) popUids.set(utf8Of(key), `UID${number}`);
    else popUids.set(utf8Of(key), `UID${number}-${uidValidity}`);
  }
  return popUids;
}

const utf8Of = (octets: string): string => Buffer.from(octets, "latin1").toString("utf8");

function escapedKey(key: string): string {
  return key.replaceAll(
    /[^!-~]|['"+]/g,
    (octet) => `+${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** The list of UIDs with these unique-ids; messages that IMAP has not seen get UIDs behind all others. */
export function withPopUids(uids: CourierUids, popUids: ReadonlyMap<string, string>): CourierUids {
  const left = new Map(popUids);
  const entries: UidListEntry[] = uids.entries.map((entry) => {
    const popUid = left.get(entry.key);
    left.delete(entry.key);
    return popUid === undefined ? entry : { ...entry, popUid };
  });
  let { uidNext } = uids;
  for (const [key, popUid] of left) {
    if (uidNext >= limits.uidMax) break;
    entries.push({ uid: uidNext, key, popUid });
    uidNext += 1;
  }
  return { ...uids, entries, uidNext };
}

/**
 * The keywords of a folder by message key. `courierimapkeywords/:list` has the keywords, an empty line, and
 * `<key>:<number> <number>` a message; a file `<key>`, or else the `.<n>.<key>` of the largest n, holds one
 * keyword a line and takes the place of that message's line.
 */
export function readCourierKeywords(folderPath: string): ReadonlyMap<string, readonly string[]> {
  const directory = join(folderPath, "courierimapkeywords");
  const keywordsOf = parseCourierKeywordList(
    readIfThere(join(directory, ":list")) ?? Buffer.alloc(0),
  );
  const newest = new Map<string, { readonly order: number; readonly entry: string }>();
  for (const entry of entriesOf(directory)) {
    if (entry === ":list") continue;
    const numbered = /^\.(\d{1,15})\.(.+)$/.exec(entry);
    const key = numbered?.[2] ?? entry;
    const order = numbered === null ? Number.POSITIVE_INFINITY : Number(numbered[1]);
    if (key.startsWith(".") || order < (newest.get(key)?.order ?? 0)) continue;
    newest.set(key, { order, entry });
  }
  for (const [key, { entry }] of newest) {
    const lines = readFileSync(join(directory, entry), "utf8").split("\n");
    keywordsOf.set(
      key,
      lines.filter((line) => line !== ""),
    );
  }
  return keywordsOf;
}

/** Never throws. */
export function parseCourierKeywordList(octets: Buffer): Map<string, readonly string[]> {
  const lines = octets.toString("utf8").split("\n");
  const end = lines.indexOf("");
  const keywords = lines.slice(0, end < 0 ? lines.length : end);
  const keywordsOf = new Map<string, readonly string[]>();
  for (const line of end < 0 ? [] : lines.slice(end + 1)) {
    const match = /^([^:]+):([\d ]+)$/.exec(line);
    if (match?.[1] === undefined) continue;
    const numbers = (match[2] ?? "").split(" ").filter((digits) => digits !== "");
    keywordsOf.set(
      match[1],
      numbers.map((digits) => keywords[Number(digits)]).filter((one) => one !== undefined),
    );
  }
  return keywordsOf;
}

/** `courierimapsubscribed`: a name a line as clients of Courier see it, `INBOX.Sent`; here its folder, `.Sent`. */
export function parseCourierSubscribed(octets: Buffer): string[] {
  const folders: string[] = [];
  for (const line of octets.toString("utf8").split(/\r?\n/)) {
    if (/^INBOX$/i.test(line)) folders.push("");
    else if (/^INBOX\../i.test(line)) folders.push(line.slice("INBOX".length));
  }
  return folders;
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return [];
    throw error;
  }
}
