/** Larger than every UID before it in its mailbox, also those expunged (RFC 9051 §2.3.1.1). 1 to 2^32-1. */
export type Uid = number & { readonly [uidBrand]: true };
declare const uidBrand: unique symbol;

/** Names one life of a mailbox name (RFC 9051 §2.3.1.1). 1 to 2^32-1. */
export type UidValidity = number & { readonly [uidValidityBrand]: true };
declare const uidValidityBrand: unique symbol;

/** Grows with every change to a mailbox (RFC 7162 §3.1). 1 to 2^53-1. */
export type ModSeq = number & { readonly [modSeqBrand]: true };
declare const modSeqBrand: unique symbol;

/** System flags, as bits of MessageColumns.systemFlags. \Recent is no flag of a message (RFC 9051 §2.3.2). */
export const systemFlagBits = {
  "\\Answered": 1,
  "\\Flagged": 2,
  "\\Deleted": 4,
  "\\Seen": 8,
  "\\Draft": 16,
} as const;
export type SystemFlag = keyof typeof systemFlagBits;

/** Attributes of RFC 6154 §2. */
export type SpecialUse =
  | "\\Archive"
  | "\\Drafts"
  | "\\Flagged"
  | "\\Junk"
  | "\\Sent"
  | "\\Trash"
  | "\\All";

/** How IMAP clients know the names of an account; the store itself has `/` between levels and no prefix. */
export interface Hierarchy {
  readonly separator: "/" | ".";
  /** Ends with the separator, or is empty. In front of every name but INBOX. */
  readonly prefix: string;
}

export interface MailboxInfo {
  /** `/` between levels, Unicode NFC; INBOX is written `INBOX`. */
  readonly name: string;
  /** MAILBOXID of RFC 8474 §4.1: survives renames. */
  readonly mailboxId: string;
  /** False for a name that is only a parent of others, or only subscribed: \Noselect, \NonExistent. */
  readonly exists: boolean;
  readonly isSubscribed: boolean;
  readonly specialUse: readonly SpecialUse[];
}

export interface MailboxStatus {
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  readonly recent: number;
  readonly uidNext: Uid;
  readonly uidValidity: UidValidity;
  readonly highestModSeq: ModSeq;
  /** Sum of RFC822.SIZE (RFC 8438). */
  readonly sizeBytes: number;
  readonly mailboxId: string;
}

/**
 * The messages of one mailbox as columns in UID order: row i of every column is one message.
 * Shared by every session of the process that has the mailbox open, so nobody but the store writes
 * into it; a new one takes its place when the mailbox changes, and an old one stays as it was.
 */
export interface MessageColumns {
  readonly length: number;
  readonly uids: Uint32Array;
  /** Bits of systemFlagBits. */
  readonly systemFlags: Uint8Array;
  /** Index into keywordSets: messages with the same keywords share one entry. */
  readonly keywordSet: Uint32Array;
  readonly keywordSets: readonly (readonly string[])[];
  readonly modSeqs: Float64Array;
  /** RFC822.SIZE in octets. */
  readonly sizes: Float64Array;
  /** INTERNALDATE, ms since the epoch. */
  readonly internalDatesMs: Float64Array;
  /** SAVEDATE of RFC 8514, ms since the epoch. */
  readonly saveDatesMs: Float64Array;
}

/** What is new since an older MessageColumns. UIDs ascending. */
export interface MailboxChanges {
  readonly before: MessageColumns;
  readonly after: MessageColumns;
  readonly added: readonly Uid[];
  /** Flags or keywords differ. */
  readonly changed: readonly Uid[];
  readonly vanished: readonly Uid[];
}

/** What POP3 may call messages by, beside their UIDs. */
export interface PopNames {
  /** Unique-ids that another server wrote down for its POP3 clients: they hold for ever. */
  readonly given: ReadonlyMap<number, string>;
  /** Names of the files without flags, by UID; empty when they were not asked for. */
  readonly keys: ReadonlyMap<number, string>;
}

/** UIDs first to last, both included. They need not all be there. */
export interface UidRange {
  readonly first: Uid;
  readonly last: Uid;
}

export type UidSet = readonly UidRange[];

/** What CONDSTORE and QRESYNC tell of the time since a modseq (RFC 7162 §3.2.5). */
export interface ChangesSince {
  /** Messages that are new or have other flags, ascending, with their modseqs beside them. */
  readonly uids: Uint32Array;
  readonly modSeqs: Float64Array;
  /** Ascending. May name UIDs that the asker never knew (RFC 7162 §3.2.10.1). */
  readonly vanished: UidSet;
  /** False when the history does not go back so far: `vanished` then is all that is not there. */
  readonly isHistoryWhole: boolean;
  readonly highestModSeq: ModSeq;
}

/** ENVELOPE and the rest of the wide columns of one message, ready to be sent. */
export interface MessageSummary {
  readonly uid: Uid;
  /** The parenthesised list of RFC 9051 §7.5.2, octets to be sent after `ENVELOPE `. */
  readonly envelope: Uint8Array;
  /** After `BODYSTRUCTURE `. */
  readonly bodyStructure: Uint8Array;
  /** After `BODY `: the form without extension data. */
  readonly body: Uint8Array;
  /** EMAILID of RFC 8474 §5.1: the same for the same octets. */
  readonly emailId: string;
  /** THREADID of RFC 8474 §5.2. */
  readonly threadId: string;
}

/**
 * What SORT and THREAD compare of one message (RFC 5256 §2 and §3). Texts are keys of
 * unicodeCasemap(), empty where there is nothing.
 */
export interface SortKeys {
  /** The Date field, ms since the epoch; null where there is none that can be read. */
  readonly sentMs: number | null;
  /** The base subject. */
  readonly subject: string;
  /** Not 0: the subject says that it is a reply or a forward. */
  readonly isReply: number;
  /** Local part of the first address, or the name of a group. */
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  /** What is shown of the first address (RFC 5957). */
  readonly displayFrom: string;
  readonly displayTo: string;
  /** Eight octets that stand for the Message-ID. */
  readonly messageId: Uint8Array | null;
  /** Eight octets for each of References, else In-Reply-To; oldest first. */
  readonly references: Uint8Array | null;
}

export type SortKeyField = keyof SortKeys;

/** The UID and the fields that were asked for, in their order. */
export type SortKeyRow<Fields extends readonly SortKeyField[]> = readonly [
  uid: number,
  ...values: { readonly [At in keyof Fields]: SortKeys[Fields[At]] },
];

/** The octets of one message, with CRLF line ends whatever the file has. */
export interface StoredMessage extends AsyncDisposable {
  readonly sizeBytes: number;
  /** All octets, where they are in memory. */
  readonly octets?: Uint8Array | undefined;
  /** Octets start (inclusive) to end (exclusive), in pieces of at most 64 KiB. */
  read(start?: number, end?: number): AsyncIterable<Uint8Array>;
  /** Where its parts are; offsets count the octets that read() gives. */
  parts(): Promise<import("@posthouse/message").MessagePart>;
}

export interface FlagChange {
  readonly mode: "add" | "remove" | "replace";
  readonly systemFlags: readonly SystemFlag[];
  readonly keywords: readonly string[];
  /** UNCHANGEDSINCE of RFC 7162 §3.1.3: a message with a larger modseq is left alone and reported. */
  readonly unchangedSince?: ModSeq;
}

export interface AppendRequest {
  /** Pieces of any size, which nobody changes any more. */
  readonly octets: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  readonly systemFlags?: readonly SystemFlag[];
  readonly keywords?: readonly string[];
  /** Now, when absent. */
  readonly internalDateMs?: number;
  /** It came in a literal8 (RFC 3516 §4.4): a NUL is stored as it is, but refused in an mbox. */
  readonly mayHoldNul?: true;
}

export interface Appended {
  readonly uidValidity: UidValidity;
  /** In the order of the requests. */
  readonly uids: readonly Uid[];
}

/** COPYUID of RFC 9051 §7.1: sourceUids[i] became targetUids[i]. Vanished ones are left out. */
export interface Copied {
  readonly uidValidity: UidValidity;
  readonly sourceUids: readonly Uid[];
  readonly targetUids: readonly Uid[];
}

/** How new messages are written; those that are there stay as they are. */
export type Compression = "none" | "zstd";

/** Something that was expunged lately, and can be brought back. */
export type Expunged = {
  readonly id: string;
  /** Where it was. */
  readonly mailbox: string;
  /** When it went: 2026-11-29, in UTC. */
  readonly day: string;
} & (
  | { readonly kind: "message"; readonly internalDateMs: number }
  /** A mailbox that was deleted; an mbox does not say how many are in it. */
  | { readonly kind: "mailbox"; readonly messages: number }
);

/** What RFC 9208 counts. All mailboxes of an account are under one quota root, whose name is "". */
export interface QuotaUsage {
  readonly bytes: number;
  readonly messages: number;
  readonly mailboxes: number;
  /** Absent where there is none. */
  readonly bytesMax?: number;
  readonly messagesMax?: number;
  readonly mailboxesMax?: number;
}

/** One value of RFC 5464. */
export interface Annotation {
  /** `/private/comment`, in lower case. */
  readonly entry: string;
  readonly value: Uint8Array;
}

export interface AnnotationChange {
  readonly entry: string;
  /** Absent: the value is removed (NIL). */
  readonly value?: Uint8Array;
}

/** RFC 5464 §4.2. */
export interface AnnotationQuery {
  readonly entries: readonly string[];
  /** How far below each entry: RFC 5464 §4.2.2. */
  readonly depth?: 0 | 1 | "infinity";
  /** Larger values are left out: RFC 5464 §4.2.1. */
  readonly valueOctetsMax?: number;
  /** Whose /private is meant; the account's own when absent. */
  readonly user?: string;
}

export interface Annotations {
  readonly found: readonly Annotation[];
  /** For METADATA LONGENTRIES. */
  readonly largestLeftOutOctets?: number;
}

/** What one identifier may do in a mailbox (RFC 4314 §2). */
export interface MailboxRights {
  /** As the front gave it; "-ann" are negative rights. */
  readonly identifier: string;
  /** Letters and digits in order, each once. */
  readonly rights: string;
}

export interface RightsChange {
  readonly mode: "add" | "remove" | "replace";
  readonly rights: string;
}

/** How messages are kept: each in a file of its own, or all of a mailbox in one. */
export type MailboxFormat = "maildir" | "mbox";

export interface AccountRef {
  /** Stable id of the account: names it in databases. */
  readonly id: string;
  /** `ann@example.org`, lower case. */
  readonly address: string;
  readonly quotaBytes?: number;
  readonly quotaMessages?: number;
  /** "none", when absent. */
  readonly compression?: Compression;
  readonly quotaMailboxes?: number;
  /** Of a new account and of all mailboxes that are made in it; it stays what it is. Maildir when absent. */
  readonly format?: MailboxFormat;
}

/** What Mailbox.search() looks for in the text of messages. An empty text is in every field that is there. */
export type TextCriterion =
  /** A field of the ENVELOPE. */
  | {
      readonly kind: "envelope";
      readonly field: import("@posthouse/message").EnvelopeField;
      readonly text: string;
    }
  /** Any field of the header, by its name. */
  | { readonly kind: "header"; readonly field: string; readonly text: string }
  /** Text parts and the headers of messages inside; "text" with the message's own header and those of its parts. */
  | { readonly kind: "body" | "text"; readonly text: string }
  /** The Date field as its sender saw it, without time and zone: days since the epoch, both included. */
  | { readonly kind: "sent"; readonly firstDay: number; readonly lastDay: number };
