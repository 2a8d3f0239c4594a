import type { StoreErrorCode } from "@posthouse/mailbox-store";
import { CommandFailure, type FailureWords } from "@posthouse/session";

/** The codes of RFC 5804 §1.3 that this server sends. */
export type ResponseCode =
  /** The mechanism is switched off here. */
  | "AUTH-TOO-WEAK"
  /** Not before STARTTLS. */
  | "ENCRYPT-NEEDED"
  | "QUOTA/MAXSCRIPTS"
  | "QUOTA/MAXSIZE"
  /** Ours, and may pass. */
  | "TRYLATER"
  | "ACTIVE"
  | "NONEXISTENT"
  | "ALREADYEXISTS"
  /** The script can be run, and may not be what its author meant. */
  | "WARNINGS"
  /** With the server's last words of a SASL exchange. */
  | `SASL ${string}`
  /** With what NOOP was given. */
  | `TAG ${string}`;

/** A refusal: the command was understood, and cannot be done. */
export const no = (text: string, code?: ResponseCode): CommandFailure<ResponseCode> =>
  new CommandFailure(text, { code });

/** RFC 5804 §4: response-ok and response-nobye, with the code and the text that people read. */
export function formatResponse(
  word: "OK" | "NO" | "BYE",
  { code, text }: { readonly code?: string | undefined; readonly text: string },
): string {
  return `${word}${code === undefined ? "" : ` (${code})`} ${formatString(text)}\r\n`;
}

/** RFC 5804 §4, quoted: 1024 octets at most. */
const quotedBytesMax = 1024;

/**
 * RFC 5804 §4, string. What would have to be escaped is a literal, as in the example of §2.7: there are
 * clients that look for the next quote and nothing else.
 */
export function formatString(text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= quotedBytesMax && !/["\\\r\n\0]/.test(text)) return `"${text}"`;
  return `{${bytes}}\r\n${text}`;
}

/**
 * What the store says, in ManageSieve's words. The store's own message names paths and stays in the
 * log. A new word of the store does not compile until it is here.
 */
const refusalOf = {
  "not-found": () => no("There is no script by that name", "NONEXISTENT"),
  exists: () => no("There is a script by that name already", "ALREADYEXISTS"),
  "not-permitted": () => no("The store does not permit that: the name may be too long for a file"),
  "over-quota": () => no("The account is full", "QUOTA/MAXSIZE"),
  "read-only": () => no("The account is read-only"),
  gone: () => no("The script is gone", "NONEXISTENT"),
  limit: () => no("The scripts of this account have no more room", "QUOTA/MAXSIZE"),
  "bad-message": () => no("The script cannot be read"),
  unreadable: () => no("The script cannot be read"),
  unavailable: () => no("Scripts cannot be reached now: try again later", "TRYLATER"),
} as const satisfies Record<StoreErrorCode, () => CommandFailure>;

export const failureWords: FailureWords = {
  transient: "TRYLATER" satisfies ResponseCode,
  refusalOf,
  isLogged: (code) => code === "unavailable",
};
