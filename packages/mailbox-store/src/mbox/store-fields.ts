import { systemFlagBits } from "../types.ts";

/**
 * The header fields in which an mbox keeps what IMAP knows of a message. They belong to the store: a
 * message's own fields of these names are dropped when it comes in, and none of them is ever served.
 *
 *   X-IMAPbase: 1795337227 0000000007 todo $Forwarded   first message only: UIDVALIDITY, last UID, keywords
 *   X-IMAP: ...                                         the same in c-client's internal message
 *   X-UID: 7
 *   Status: RO                    R is \Seen; O is "not recent"
 *   X-Status: AFTD                \Answered, \Flagged, \Draft, \Deleted
 *   X-Keywords: todo              blanks at the end are room for changes in place
 *   Content-Length: 1234          octets of the body as it stands here
 *   Lines: 42                     mutt writes it with Content-Length
 *   X-Posthouse-Mbox: saved=1795337227 body=1301/1259 quoted
 *
 * The last one is ours: SAVEDATE in seconds, the octets of the body as it is served and as it stands here,
 * and how it is stored (StoredForm).
 */
export const storeFields = [
  "x-imapbase",
  "x-imap",
  "x-uid",
  "status",
  "x-status",
  "x-keywords",
  "content-length",
  "lines",
  "x-posthouse-mbox",
] as const;
export type StoreField = (typeof storeFields)[number];

/** Longer names than the longest are no store field; a line's beginning of so many octets says enough. */
export const fieldNameOctetsMax = 24;

/** Which store field a header line is, from its beginning. */
export function storeFieldOf(lineStart: Uint8Array): StoreField | undefined {
  const colon = lineStart.indexOf(0x3a);
  if (colon < 0 || colon > fieldNameOctetsMax) return undefined;
  const name = Buffer.from(lineStart.subarray(0, colon)).toString("latin1").trimEnd().toLowerCase();
  return storeFields.find((field) => field === name);
}

/** How the octets of a message of ours stand in the file. None of it is so of other programs' messages. */
export interface StoredForm {
  /** Lines that match `^>*From ` have one `>` more, although there is a Content-Length. */
  readonly isQuoted: boolean;
  /** Line ends are as they came; else every CRLF is stored as LF. */
  readonly isExact: boolean;
  /** The empty line after the header is not the message's. */
  readonly isHeaderOpen: boolean;
  /** Nor is the line end before it. */
  readonly isHeaderCut: boolean;
  /** All of the message stands in the body: its first line would have continued a field of ours. */
  readonly isBodyOnly: boolean;
}

export const plainForm: StoredForm = {
  isQuoted: false,
  isExact: false,
  isHeaderOpen: false,
  isHeaderCut: false,
  isBodyOnly: false,
};

/** What X-Posthouse-Mbox says. */
export interface OwnNotes {
  readonly savedSeconds: number;
  readonly bodyBytes: number;
  /** Content-Length when this was written: with another one, the body is another. */
  readonly storedBytes: number;
  readonly form: StoredForm;
}

export function formatOwnNotes(notes: OwnNotes): string {
  const { form } = notes;
  return [
    `saved=${notes.savedSeconds} body=${notes.bodyBytes}/${notes.storedBytes}`,
    ...(form.isQuoted ? ["quoted"] : []),
    ...(form.isExact ? ["exact"] : []),
    ...(form.isHeaderOpen ? ["open"] : []),
    ...(form.isHeaderCut ? ["cut"] : []),
    ...(form.isBodyOnly ? ["body"] : []),
  ].join(" ");
}

/** undefined when it cannot be read: the message is then taken as another program's. */
export function parseOwnNotes(value: string): OwnNotes | undefined {
  const match = /^saved=(\d{1,12}) body=(\d{1,15})\/(\d{1,15})((?: [a-z]+)*)\s*$/.exec(value);
  if (match === null) return undefined;
  const words = new Set(match[4]?.split(" "));
  return {
    savedSeconds: Number(match[1]),
    bodyBytes: Number(match[2]),
    storedBytes: Number(match[3]),
    form: {
      isQuoted: words.has("quoted"),
      isExact: words.has("exact"),
      isHeaderOpen: words.has("open"),
      isHeaderCut: words.has("cut"),
      isBodyOnly: words.has("body"),
    },
  };
}

/** What the fields say of a message. */
export interface MboxFlags {
  readonly systemFlags: number;
  readonly isRecent: boolean;
  readonly keywords: readonly string[];
}

const statusBits: ReadonlyMap<string, number> = new Map([
  ["R", systemFlagBits["\\Seen"]],
  ["D", systemFlagBits["\\Deleted"]],
]);
const xStatusBits: ReadonlyMap<string, number> = new Map([
  ["A", systemFlagBits["\\Answered"]],
  ["F", systemFlagBits["\\Flagged"]],
  ["T", systemFlagBits["\\Draft"]],
  ["D", systemFlagBits["\\Deleted"]],
]);

export function parseFlags(values: ReadonlyMap<StoreField, string>): MboxFlags {
  const status = values.get("status") ?? "";
  let systemFlags = 0;
  for (const letter of status) systemFlags |= statusBits.get(letter) ?? 0;
  for (const letter of values.get("x-status") ?? "") systemFlags |= xStatusBits.get(letter) ?? 0;
  const keywords = (values.get("x-keywords") ?? "").split(/\s+/).filter((word) => word !== "");
  return { systemFlags, isRecent: !status.includes("O"), keywords: [...new Set(keywords)] };
}

/** Always as wide as all letters together, so that flags change in place. */
export function formatStatus(flags: MboxFlags): {
  readonly status: string;
  readonly xStatus: string;
} {
  const isSeen = (flags.systemFlags & systemFlagBits["\\Seen"]) !== 0;
  const status = (isSeen ? "R" : "") + (flags.isRecent ? "" : "O");
  let xStatus = "";
  for (const [letter, bit] of xStatusBits) if ((flags.systemFlags & bit) !== 0) xStatus += letter;
  return { status: status.padEnd(2), xStatus: xStatus.padEnd(4) };
}

/** X-IMAPbase, or X-IMAP of c-client's internal message. */
export interface MboxBase {
  readonly uidValidity: number;
  readonly uidLast: number;
  readonly keywords: readonly string[];
}

export function parseBase(value: string): MboxBase | undefined {
  const match = /^\s*(\d{1,10})\s+(\d{1,10})(?:\s+(.*?))?\s*$/s.exec(value);
  if (match === null) return undefined;
  const uidValidity = Number(match[1]);
  const uidLast = Number(match[2]);
  if (uidValidity < 1 || uidValidity > 0xffff_ffff || uidLast > 0xffff_ffff) return undefined;
  return {
    uidValidity,
    uidLast,
    keywords: (match[3] ?? "").split(/\s+/).filter((word) => word !== ""),
  };
}

/** The last UID has a fixed width, as Dovecot writes it: it grows in place. */
export function formatBase(base: MboxBase): string {
  const uidLast = String(base.uidLast).padStart(10, "0");
  return [base.uidValidity, uidLast, ...base.keywords].join(" ");
}
