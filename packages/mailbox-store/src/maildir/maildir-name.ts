import { randomBytes } from "node:crypto";

/**
 * A file name in new/ or cur/ is a key, which never changes, and an info part, which does:
 *
 *   <seconds>.M<microseconds>P<pid>Q<n>R<random>.<host>,S=<octets>,W=<octets>  :2,FRSab
 *   `------------------------------- key -----------------------------------'  `- info -'
 *
 * S is the size of the file, W its size with CRLF line ends. Both are Maildir++'s, and other programs
 * read them. No UID in it: `,U=` is a tag of mbsync for UIDs of its own.
 */
export interface MaildirName {
  readonly key: string;
  /** From the colon on; empty in new/. */
  readonly info: string;
}

/** Splits at the first `:2,`, or at a lone colon as some old programs write it. */
export function parseMaildirName(fileName: string): MaildirName {
  const colon = fileName.indexOf(":");
  if (colon < 0) return { key: fileName, info: "" };
  return { key: fileName.slice(0, colon), info: fileName.slice(colon) };
}

/** The letters of an info part: "" where it has none. */
export function infoLetters(info: string): string {
  return info.startsWith(":2,") ? info.slice(3) : "";
}

/** The sizes that a key promises, where it has both. */
export function sizesInKey(
  key: string,
): { readonly fileBytes: number; readonly crlfBytes: number } | undefined {
  const fileBytes = /,S=(\d{1,15})(?:,|$)/.exec(key)?.[1];
  const crlfBytes = /,W=(\d{1,15})(?:,|$)/.exec(key)?.[1];
  if (fileBytes === undefined || crlfBytes === undefined) return undefined;
  return { fileBytes: Number(fileBytes), crlfBytes: Number(crlfBytes) };
}

/** SAVEDATE of RFC 8514: when the name was made; undefined when it does not begin with a time. */
export function saveDateMsOfKey(key: string): number | undefined {
  const seconds = /^(\d{9,11})\./.exec(key)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** Of this thread of this process; its names are told apart by their number. */
const random = randomBytes(8).toString("hex");
let namesMade = 0;

/** The part of a new key before its sizes; unique among all hosts and processes that ever were. */
export function newKeyStem(host: string): string {
  const nowMs = performance.timeOrigin + performance.now();
  const seconds = Math.floor(nowMs / 1000);
  const microseconds = Math.floor((nowMs % 1000) * 1000);
  namesMade += 1;
  return `${seconds}.M${microseconds}P${process.pid}Q${namesMade}R${random}.${hostForName(host)}`;
}

/** The whole key of a new message. */
export function keyWithSizes(stem: string, fileBytes: number, crlfBytes: number): string {
  return `${stem},S=${fileBytes},W=${crlfBytes}`;
}

/** maildir(5) wants `/` and `:` as octal; the comma would begin a field, and 255 octets are all a name has. */
function hostForName(host: string): string {
  const written = host
    .replace(/[^\x21-\x7e]/g, "_")
    .replaceAll("/", "\\057")
    .replaceAll(":", "\\072")
    .replaceAll(",", "\\054");
  return written.slice(0, 100) || "localhost";
}
