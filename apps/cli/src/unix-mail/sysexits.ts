import { isPermanent, isPositive, type Reply } from "@posthouse/smtp";
import { harmless } from "../output.ts";

/** What a program that is given mail ends with, by the names of sysexits(3). */
export const sysexits = {
  ok: 0,
  /** The arguments are wrong. */
  usage: 64,
  /** The message is at fault. */
  dataErr: 65,
  noUser: 67,
  /** Refused for good, for another reason than those that have a number. */
  unavailable: 69,
  /** Later it may work: whoever called keeps the message. */
  tempFail: 75,
  /** Refused by a rule: of a filter, or of who may send as whom. */
  noPerm: 77,
} as const;

/** By the subject of the enhanced status code, RFC 3463 §3. */
const exitCodeOfSubject: Readonly<Record<string, number>> = {
  "1": sysexits.noUser,
  "6": sysexits.dataErr,
  "7": sysexits.noPerm,
};

export function exitCodeOf(reply: Reply): number {
  if (isPositive(reply)) return sysexits.ok;
  if (!isPermanent(reply)) return sysexits.tempFail;
  const [, subject = ""] = (reply.enhanced ?? "").split(".");
  return exitCodeOfSubject[subject] ?? sysexits.unavailable;
}

/** A refusal in one line, for a terminal or the log of whoever called. */
export const replyText = ({ code, enhanced, text }: Reply): string =>
  harmless(
    `${code} ${enhanced === undefined ? "" : `${enhanced} `}${text.replaceAll(/\r?\n/g, " ")}`,
  );
