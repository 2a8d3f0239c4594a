import type { StoreErrorCode } from "@posthouse/mailbox-store";
import { CommandFailure, type FailureWords } from "@posthouse/session";

/** The codes of RFC 2449 §8.1 and RFC 3206 that this server sends. */
export type ResponseCode =
  /** Right password, but another session has the maildrop. */
  | "IN-USE"
  /** Right or wrong, nobody may log in from there for a while. */
  | "LOGIN-DELAY"
  /** Ours, and may pass: the client should come back and not ask its user for another password. */
  | "SYS/TEMP"
  /** Ours, and somebody has to repair it. */
  | "SYS/PERM"
  /** The password is wrong. */
  | "AUTH";

/** A refusal: the command was understood, and cannot be done. */
export const refused = (text: string, code?: ResponseCode): CommandFailure<ResponseCode> =>
  new CommandFailure(text, { code });

/** RFC 1939 §3: `-ERR`, with the code of RFC 2449 §8 in front of the text. */
export function errorLine({ code, message }: Pick<CommandFailure, "code" | "message">): string {
  return code === undefined ? `-ERR ${message}\r\n` : `-ERR [${code}] ${message}\r\n`;
}

export const okLine = (text: string): string => `+OK ${text}\r\n`;

/**
 * What the store says, in POP3's words. The store's own message names paths and stays in the log.
 * A new word of the store does not compile until it is here.
 */
const refusalOf = {
  "not-found": () => refused("The maildrop is not there", "SYS/PERM"),
  exists: () => refused("The store has a conflict", "SYS/PERM"),
  "not-permitted": () => refused("The store does not permit that", "SYS/PERM"),
  "over-quota": () => refused("The maildrop is full", "SYS/TEMP"),
  "read-only": () => refused("The maildrop is read-only", "SYS/PERM"),
  gone: () => refused("The message was removed by another client meanwhile"),
  limit: () => refused("A limit of the store is reached", "SYS/TEMP"),
  "bad-message": () => refused("The message cannot be read", "SYS/PERM"),
  unreadable: () => refused("The message cannot be read", "SYS/PERM"),
  unavailable: () => refused("The maildrop is not available now", "SYS/TEMP"),
} as const satisfies Record<StoreErrorCode, () => CommandFailure>;

export const failureWords: FailureWords = {
  transient: "SYS/TEMP" satisfies ResponseCode,
  // RFC 3206 §4: the client asks its user for the password anew.
  loginEnded: "AUTH" satisfies ResponseCode,
  refusalOf,
  isLogged: (code) => code !== "gone",
};
