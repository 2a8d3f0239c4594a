import { renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { crashPoint } from "../../crash-point.ts";
import type { MessageRow } from "../../index/rows.ts";
import { storedFlagBits, systemFlagsMask } from "../../index/schema.ts";
import { errnoOf } from "../../maildir/durable-file.ts";
import { infoOfFlags } from "../../message-flags.ts";
import { findMoved } from "../find-moved.ts";
import type { Jobs } from "../jobs.ts";
import type { MailboxTransaction } from "../mailbox-transaction.ts";
import { mboxFlagsOf } from "../mbox-messages.ts";
import type { Transaction } from "../transaction.ts";

/**
 * Flags are letters in the file's name; the index follows.
 *
 *   state   file names           index       after a crash here
 *   F1      old                  -           nothing happened
 *   F2      some new             -           the next scan reads the new flags from the names
 *   F3      all new, synced      -           as F2
 *   F4      all new, synced      committed   done
 *
 * The directory is synced before the commit: an index that is ahead of the name after a power failure
 * would read the old name as another program's change and take the flags back.
 *
 * A large STORE comes as several of these jobs (messagesPerTransaction): a crash between two leaves the
 * messages of the first done and those of the second untouched. RFC 9051 §6.4.6 asks for no more.
 */
export function changeFlags(
  transaction: Transaction,
  args: Jobs["changeFlags"]["args"],
): Jobs["changeFlags"]["result"] {
  const mailbox = transaction.mailboxOfGuid(args.guid);
  mailbox.mbox?.ready();
  const change = new FlagsChange(mailbox, args);
  const modified: number[] = [];
  for (const message of transaction.messagesOf(mailbox, args.uids)) {
    if (args.unchangedSince !== undefined && message.modSeq > args.unchangedSince) {
      modified.push(message.uid);
    } else {
      changeOne(transaction, mailbox, message, change);
    }
  }
  change.writeRows(transaction);
  return { modified };
}

/** What a message that had certain flags gets instead, and who gets it. */
interface Outcome {
  readonly flags: number;
  readonly keywordSet: number;
  readonly info: string;
  readonly uids: number[];
}

/**
 * Messages of a large STORE had few different sets of flags: what each set becomes is found once, and the
 * rows of all that had it are written with two statements.
 */
class FlagsChange {
  readonly #mailbox: MailboxTransaction;
  readonly #change: Jobs["changeFlags"]["args"];
  readonly #positions: readonly number[];
  readonly #outcomes = new Map<string, Outcome | undefined>();

  constructor(mailbox: MailboxTransaction, change: Jobs["changeFlags"]["args"]) {
    this.#mailbox = mailbox;
    this.#change = change;
    this.#positions =
      change.mode === "remove"
        ? mailbox.keywords.knownPositionsOf(change.keywords)
        : mailbox.keywords.positionsOf(change.keywords);
  }

  /** undefined when the message has these flags already. */
  outcomeOf(message: MessageRow): Outcome | undefined {
    const letters = this.#mailbox.mbox === undefined ? message.info : "";
    const had = `${message.flags} ${message.keywordSet} ${letters}`;
    if (this.#outcomes.has(had)) return this.#outcomes.get(had);
    const outcome = this.#find(message);
    this.#outcomes.set(had, outcome);
    return outcome;
  }

  writeRows(transaction: Transaction): void {
    const { statements } = transaction;
    const { id } = this.#mailbox.row;
    for (const outcome of this.#outcomes.values()) {
      if (outcome === undefined || outcome.uids.length === 0) continue;
      const { flags, keywordSet, info } = outcome;
      const uids = JSON.stringify(outcome.uids);
      statements.updateFlagsOf.run(flags, keywordSet, this.#mailbox.modSeq(), id, uids);
      if (this.#mailbox.mbox === undefined) statements.updateInfoOf.run(info, id, uids);
    }
  }

  #find(message: MessageRow): Outcome | undefined {
    const { keywords } = this.#mailbox;
    const { mode } = this.#change;
    const systemFlags = message.flags & systemFlagsMask;
    const before = keywords.positionsOfSet(message.keywordSet);
    const newFlags = combine(mode, systemFlags, this.#change.systemFlags);
    const newPositions = combineSets(mode, before, this.#positions);
    const keywordSet = keywords.setOf(newPositions);
    if (newFlags === systemFlags && keywordSet === message.keywordSet) return undefined;
    keywords.noteSetChange(before, newPositions);
    return {
      flags: (message.flags & storedFlagBits.isLf) | newFlags,
      keywordSet,
      info: infoOfFlags(message.info, newFlags, keywords.lettersOf(newPositions), (letter) =>
        keywords.isKnownLetter(letter),
      ),
      uids: [],
    };
  }
}

function changeOne(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  message: MessageRow,
  change: FlagsChange,
): void {
  const outcome = change.outcomeOf(message);
  if (outcome === undefined) return;
  if (mailbox.mbox !== undefined) {
    mailbox.mbox.setFlags(message.uid, mboxFlagsOf(mailbox, outcome));
    outcome.uids.push(message.uid);
    return;
  }
  const moved = renameMessage(transaction, mailbox, message, outcome.info);
  if (moved === "gone") return;
  if (moved !== undefined) changeOne(transaction, mailbox, moved, change);
  else outcome.uids.push(message.uid);
}

/**
 * Gives the file its new name in cur/. When it is not where the index says, another program renamed
 * it: the message as it is now, or "gone".
 */
function renameMessage(
  transaction: Transaction,
  mailbox: MailboxTransaction,
  message: MessageRow,
  info: string,
): MessageRow | "gone" | undefined {
  const from = mailbox.path(message);
  const directory = join(mailbox.folderPath, "cur");
  const to = `${directory}/${message.key}${info}`;
  crashPoint("F1");
  try {
    if (from !== to) renameSync(from, to);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return findMoved(transaction, mailbox, message) ?? "gone";
  }
  transaction.onUndo(() => renameSync(to, from));
  transaction.syncLater(directory);
  // Else an expunged message might come back from there after a power failure.
  if (dirname(from) !== directory) transaction.syncLater(dirname(from));
  crashPoint("F2");
  return undefined;
}

function combine(mode: "add" | "remove" | "replace", before: number, change: number): number {
  if (mode === "add") return before | change;
  if (mode === "remove") return before & ~change;
  return change;
}

function combineSets(
  mode: "add" | "remove" | "replace",
  before: readonly number[],
  change: readonly number[],
): number[] {
  if (mode === "add") return [...new Set([...before, ...change])];
  if (mode === "remove") return before.filter((at) => !change.includes(at));
  return [...new Set(change)];
}
