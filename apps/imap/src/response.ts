import type { StoreErrorCode } from "@posthouse/mailbox-store";

/** Response codes of RFC 3501 §7.1, RFC 4315, 4467, 4469, 5464, 5530, 7888, 8474 and 9738 that this server sends. */
export type ResponseCode =
  | "ALREADYEXISTS"
  | "AUTHENTICATIONFAILED"
  | "BADCHARSET (US-ASCII UTF-8)"
  | "CANNOT"
  | "CLIENTBUG"
  | "CLOSED"
  | "CORRUPTION"
  | "EXPIRED"
  | "EXPUNGEISSUED"
  | "HASCHILDREN"
  | "LIMIT"
  | "METADATA TOOMANY"
  | "NONEXISTENT"
  | "NOPERM"
  | "NOTIFICATIONOVERFLOW"
  | "OVERQUOTA"
  | "PRIVACYREQUIRED"
  | "READ-ONLY"
  | "READ-WRITE"
  | "SERVERBUG"
  | "TOOBIG"
  | "TRYCREATE"
  | "UIDREQUIRED"
  | "UNAVAILABLE"
  | "UNKNOWN-CTE"
  | "USEATTR"
  | "TOOFEW"
  | "TOOMANY"
  | `NOUPDATE ${string}`
  | `UNDEFINED-FILTER ${string}`
  | `BADEVENT (${string})`
  | `APPENDUID ${string}`
  | `BADURL ${string}`
  | `CAPABILITY ${string}`
  | `COPYUID ${string}`
  | `HIGHESTMODSEQ ${number}`
  | `MAILBOXID (${string})`
  | `MESSAGELIMIT ${string}`
  | `METADATA LONGENTRIES ${number}`
  | `METADATA MAXSIZE ${number}`
  | `MODIFIED ${string}`
  | "URLMECH INTERNAL";

/** How a command ends, when it does not end in OK. Thrown anywhere, written in one place: session.ts. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly condition: "NO" | "BAD";
  readonly code: ResponseCode | undefined;

  constructor(condition: "NO" | "BAD", code: ResponseCode | undefined, text: string) {
    super(text);
    this.condition = condition;
    this.code = code;
  }
}

/** A refusal: the command was understood, and cannot be done. */
export const no = (code: ResponseCode | undefined, text: string): CommandFailure =>
  new CommandFailure("NO", code, text);

/** The client's own mistake: syntax, or a command that is not for this state (RFC 5530 §3, CLIENTBUG). */
export const bad = (text: string, code: ResponseCode = "CLIENTBUG"): CommandFailure =>
  new CommandFailure("BAD", code, text);

/** Ends the session after `* BYE`, because nothing sensible can follow. */
export class Farewell extends Error {
  override readonly name = "Farewell";
  readonly code: ResponseCode | undefined;

  constructor(code: ResponseCode | undefined, text: string) {
    super(text);
    this.code = code;
  }
}

/** `[CODE] text`, and only the text without a code. */
export const responseText = (code: ResponseCode | undefined, text: string): string =>
  code === undefined ? text : `[${code}] ${text}`;

/**
 * What the store says, in IMAP's words. The store's own message names paths and stays in the log.
 * A new word of the store does not compile until it is here.
 */
export const refusalOf = {
  "not-found": () => no("NONEXISTENT", "No such mailbox"),
  exists: () => no("ALREADYEXISTS", "Mailbox already exists"),
  "not-permitted": () => no("CANNOT", "That cannot be done with this mailbox"),
  "over-quota": () => no("OVERQUOTA", "Mailbox is full"),
  "read-only": () => no("NOPERM", "Mailbox is read-only"),
  gone: () => no("EXPUNGEISSUED", "Some of the messages have been expunged"),
  limit: () => no("LIMIT", "A limit of this server is reached"),
  "bad-message": () => no("CANNOT", "A message cannot contain NUL octets"),
  unreadable: () => no("CORRUPTION", "Some of the messages cannot be read"),
  unavailable: () => no("UNAVAILABLE", "Try again later"),
} as const satisfies Record<StoreErrorCode, () => CommandFailure>;
