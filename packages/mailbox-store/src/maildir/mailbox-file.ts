import type { AnnotationRow } from "../index/rows.ts";
import { formatAnnotationLines, parseAnnotationLine } from "./annotation-lines.ts";
import { decodeWord, encodeWord, isEncodedWord } from "./plain-word.ts";

export const mailboxFileName = "posthouse-mailbox";

/**
 * `posthouse-mailbox`: what is so of a mailbox and stands nowhere else, one field a line. Replaced as a
 * whole (tmp, fsync, rename), never written in place.
 *
 *   posthouse-mailbox 1               version: a file of another is set aside, and its mailbox gets a new id
 *   id <32 hex digits>                MAILBOXID of RFC 8474 §4.1; the G of dovecot-uidlist
 *   uid-validity <n>                  of an mbox, which says it too, but not while it is empty
 *   uid-reserved <n>                  no UID above n was ever given out
 *   modseq-reserved <n>               no modseq above n was ever given out
 *   special-use \Sent                 RFC 6154 §2; one line each
 *   keyword <n> <name>                keywords beyond the 26 of dovecot-keywords; n from 26
 *   message <key> <n> <n> ...         which message has which of those; the key as one word
 *   annotation <entry> <base64>       RFC 5464: annotation-lines.ts
 *   rights <identifier> <letters>     RFC 4314
 *
 * The reserved marks are used only to rebuild the index: numbering goes on above them. Lines of other
 * names belong to a later version and are kept as they are.
 */
export interface MailboxFile {
  readonly id: string;
  readonly uidValidity?: number;
  readonly uidReserved: number;
  readonly modSeqReserved: number;
  readonly specialUse: readonly string[];
  readonly moreKeywords: ReadonlyMap<number, string>;
  readonly keywordsOfMessages: ReadonlyMap<string, readonly number[]>;
  readonly annotations: readonly AnnotationRow[];
  /** By identifier. */
  readonly rights: ReadonlyMap<string, string>;
  readonly otherLines: readonly string[];
}

/** Never throws; undefined when it is not such a file or its id is missing. */
export function parseMailboxFile(octets: Buffer): MailboxFile | undefined {
  const [first, ...lines] = octets.toString("utf8").split("\n");
  if (first !== "posthouse-mailbox 1") return undefined;
  let id: string | undefined;
  let uidValidity = 0;
  let uidReserved = 0;
  let modSeqReserved = 0;
  const specialUse: string[] = [];
  const moreKeywords = new Map<number, string>();
  const keywordsOfMessages = new Map<string, readonly number[]>();
  const annotations: AnnotationRow[] = [];
  const rights = new Map<string, string>();
  const otherLines: string[] = [];
  for (const line of lines) {
    const [name = "", ...values] = line.split(" ");
    const [value = "", ...more] = values;
    if (name === "id" && /^[0-9a-f]{32}$/.test(value)) id = value;
    else if (name === "uid-validity") uidValidity = numberOf(value, 0xffff_ffff);
    else if (name === "uid-reserved") uidReserved = numberOf(value, 0xffff_ffff);
    else if (name === "modseq-reserved") modSeqReserved = numberOf(value, 2 ** 52);
    else if (name === "special-use" && value !== "") specialUse.push(value);
    else if (name === "keyword" && more[0]) moreKeywords.set(numberOf(value, 1000), more[0]);
    else if (name === "message" && value !== "") {
      keywordsOfMessages.set(
        isEncodedWord(value) ? decodeWord(value) : value,
        more.map((digits) => numberOf(digits, 1000)),
      );
    } else if (isRightsLine(name, value, more)) rights.set(decodeWord(value), more[0] ?? "");
    else {
      const annotation = parseAnnotationLine(line);
      if (annotation !== undefined) annotations.push(annotation);
      else if (line !== "") otherLines.push(line);
    }
  }
  if (id === undefined) return undefined;
  return {
    id,
    ...(uidValidity === 0 ? {} : { uidValidity }),
    uidReserved,
    modSeqReserved,
    specialUse,
    moreKeywords,
    keywordsOfMessages,
    annotations,
    rights,
    otherLines,
  };
}

export function formatMailboxFile(file: MailboxFile): string {
  return [
    "posthouse-mailbox 1",
    `id ${file.id}`,
    ...(file.uidValidity === undefined ? [] : [`uid-validity ${file.uidValidity}`]),
    `uid-reserved ${file.uidReserved}`,
    `modseq-reserved ${file.modSeqReserved}`,
    ...file.specialUse.map((use) => `special-use ${use}`),
    ...[...file.moreKeywords].map(([index, keyword]) => `keyword ${index} ${keyword}`),
    ...[...file.keywordsOfMessages].map(
      ([key, indexes]) => `message ${encodeWord(key)} ${indexes.join(" ")}`,
    ),
    ...formatAnnotationLines(file.annotations),
    ...[...file.rights].map(([identifier, rights]) => `rights ${encodeWord(identifier)} ${rights}`),
    ...file.otherLines,
    "",
  ].join("\n");
}

function isRightsLine(name: string, identifier: string, more: readonly string[]): boolean {
  const [rights = "", ...rest] = more;
  return (
    name === "rights" &&
    identifier !== "" &&
    isEncodedWord(identifier) &&
    /^[a-z0-9]+$/.test(rights) &&
    rest.length === 0
  );
}

/** A damaged number is none: the other files then say where numbering goes on. */
function numberOf(digits: string, max: number): number {
  const value = /^\d{1,16}$/.test(digits) ? Number(digits) : 0;
  return value <= max ? value : 0;
}
