import { mailboxStoreLimits, type Uid } from "@posthouse/mailbox-store";
import type { Config } from "@posthouse/service";
import type { Completion } from "./command.ts";
import { type CommandFailure, no, type ResponseCode, responseText } from "./response.ts";
import type { ResponseWriter } from "./response-writer.ts";
import type { SwitchedOff } from "./switched-off.ts";
import type { PartialRange } from "./syntax/command-reader.ts";

/**
 * How many messages one command may be about: RFC 9738. Above it the messages with the highest UIDs have their
 * turn, from the highest down, and the code says where the command stopped; what is all or none is refused.
 */
export interface MessageLimits {
  /** MESSAGELIMIT: of SEARCH, FETCH, STORE, COPY, MOVE and UID EXPUNGE. Infinity: none. */
  readonly perCommand: number;
  /** SAVELIMIT: of APPEND, and of a copy into another account, which is one. Within one account a COPY may have more (§4.2). */
  readonly perAppend: number;
}

/** As they are configured. */
export function messageLimitsOf({ messageLimit }: Config["imap"]): MessageLimits {
  const perCommand = messageLimit === 0 ? Number.POSITIVE_INFINITY : messageLimit;
  return { perCommand, perAppend: Math.min(perCommand, mailboxStoreLimits.messagesPerAppendMax) };
}

/** For a client that goes without: what the store cannot do is refused in its own words. */
export function unlessSwitchedOff(limits: MessageLimits, switchedOff: SwitchedOff): MessageLimits {
  return {
    perCommand: switchedOff.has("MESSAGELIMIT") ? Number.POSITIVE_INFINITY : limits.perCommand,
    perAppend: switchedOff.has("SAVELIMIT") ? Number.POSITIVE_INFINITY : limits.perAppend,
  };
}

/** What stays, and where it ends; no `stop` where all of it stays. */
export interface Limited {
  /** The highest of them, ascending. */
  readonly uids: readonly Uid[];
  readonly stop?: Stop;
}

/** The limit, and the lowest UID that a command came to. */
export interface Stop {
  readonly limit: number;
  readonly lowestUid: number;
}

/** The highest `limit` of some UIDs that ascend. */
export function highest(uids: readonly Uid[], limit: number): Limited {
  if (uids.length <= limit) return { uids };
  const kept = uids.slice(-limit);
  return { uids: kept, stop: { limit, lowestUid: kept[0] as Uid } };
}

/** For what is all or none: RFC 9738 §3.1. Nothing is done. */
export function refuseMoreThan(limit: number, uids: readonly Uid[]): void {
  const { stop } = highest(uids, limit);
  if (stop !== undefined) throw tooMany(stop);
}

/** A range of results that has more than the limit is refused as it stands (RFC 9738 §3.1, of FETCH). */
export function refuseRange({ first, last }: PartialRange, limit: number): void {
  if (last - first >= limit) throw tooMany({ limit });
}

/** NO [MESSAGELIMIT …], without a UID where there is none to name. */
export function tooMany({
  limit,
  lowestUid,
}: {
  limit: number;
  lowestUid?: number;
}): CommandFailure {
  const code: ResponseCode = `MESSAGELIMIT ${limit}${lowestUid === undefined ? "" : ` ${lowestUid}`}`;
  return no(code, `One command takes ${limit} messages at most`);
}

/**
 * The end of a command that may have stopped at a limit. `other` is a code that has to be in the tagged
 * response: then MESSAGELIMIT is told before, untagged (RFC 9738 §3.1, of EXPUNGEISSUED).
 */
export function completedUpTo(
  stop: Stop | undefined,
  name: string,
  { output, other }: { readonly output: ResponseWriter; readonly other?: Completion | undefined },
): Completion {
  if (stop === undefined) return other ?? { text: `${name} completed` };
  const code = codeOf(stop);
  const text = `${name} completed for the last ${stop.limit} messages`;
  if (other === undefined) return { text, code };
  output.untagged(`NO ${responseText(code, text)}`);
  return other;
}

const codeOf = ({ limit, lowestUid }: Stop): ResponseCode => `MESSAGELIMIT ${limit} ${lowestUid}`;
