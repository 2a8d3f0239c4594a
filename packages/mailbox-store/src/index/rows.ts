/** Rows of the tables in schema.ts, under the same names. */
export interface MailboxRow {
  readonly id: number;
  folder: string;
  guid: string;
  uidValidity: number;
  uidNext: number;
  highestModSeq: number;
  uidReserved: number;
  modSeqReserved: number;
  specialUse: string;
  isScanned: number;
  newMtime: string;
  curMtime: string;
  recordedMs: number;
  scannedMs: number;
  uidListSeen: string;
  mailboxFileSeen: string;
  historyModSeq: number;
  /** As of the beginning of the transaction. */
  readonly messages: number;
}

/** The columns of a mailbox that triggers keep. */
export interface CountersRow {
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  readonly recent: number;
  readonly bytes: number;
}

/** A message with its file: what a change of it needs. */
export interface MessageRow {
  readonly uid: number;
  readonly flags: number;
  readonly keywordSet: number;
  readonly modSeq: number;
  readonly size: number;
  readonly internalMs: number;
  readonly saveMs: number;
  readonly key: string;
  readonly info: string;
}

/** What reading the file of a message needs, as values: an object of each row takes twice as long. */
export type FileRow = readonly [
  uid: number,
  flags: number,
  size: number,
  key: string,
  info: string,
];

/** The wide columns: what is known of a message's octets. */
export interface DetailsRow {
  readonly envelope: Uint8Array;
  readonly bodyStructure: Uint8Array;
  readonly body: Uint8Array;
  readonly parts: Uint8Array;
  readonly emailId: Uint8Array;
  readonly threadId: Uint8Array;
}

/** Some thousand messages of one mailbox as one value: see packed-columns.ts. */
export interface PackedRow {
  readonly uidValidity: number;
  readonly modSeq: number;
  readonly octets: Uint8Array;
}

export interface StoredDetailsRow extends DetailsRow {
  readonly crc: number;
}

/** One value of RFC 5464. */
export interface AnnotationRow {
  /** Whose /private it is: "" is the account's own, and that of every /shared entry. */
  readonly user: string;
  readonly entry: string;
  readonly value: Uint8Array;
}
