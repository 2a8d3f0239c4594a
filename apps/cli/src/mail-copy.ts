import {
  type AccountMail,
  type AppendRequest,
  type Mailbox,
  type StoredMessage,
  type SystemFlag,
  systemFlagBits,
  type Uid,
} from "@posthouse/mailbox-store";
import { CommandFailure } from "./command-failure.ts";
import { harmless, listed } from "./output.ts";

/** One append, all or none; the store holds this many open files at most. */
const BATCH = 100;

export interface CopyOptions {
  /** Only this mailbox and those below it. */
  readonly mailbox?: string;
  /** What each mailbox is called in the target. */
  readonly nameIn?: (mailbox: string) => string;
  /** The Message-ID of the only messages that are wanted, in angle brackets. */
  readonly messageId?: string;
  /** INTERNALDATE from (inclusive) and before (exclusive), ms since the epoch. */
  readonly sinceMs?: number;
  readonly beforeMs?: number;
  readonly onProgress?: (copied: number) => void;
  readonly isDry?: boolean;
}

export interface CopyResult {
  readonly mailbox: string;
  readonly copied: number;
  /** The same octets are in the target mailbox already. */
  readonly there: number;
}

/**
 * Copies messages of one account to another with flags, keywords and dates. What the target mailbox has
 * already, by its octets, is passed over: so it can be stopped anywhere and run again.
 */
export async function copyMessages(
  from: AccountMail,
  to: AccountMail,
  options: CopyOptions = {},
): Promise<readonly CopyResult[]> {
  const { nameIn = (name) => name } = options;
  const results: CopyResult[] = [];
  let before = 0;
  const infos = (await from.listMailboxes()).filter(({ exists }) => exists);
  for (const { name } of chosenMailboxes(infos, options.mailbox)) {
    await using source = await from.openMailbox(name, { readOnly: true });
    const result = await copyMailbox(source, to, nameIn(name), {
      ...options,
      onProgress: (copied) => options.onProgress?.(before + copied),
    });
    before += result.copied;
    if (result.copied + result.there > 0) results.push(result);
  }
  return results;
}

/** Of these mailboxes the one of that name and those below it; all of them where none is named. @throws CommandFailure */
export function chosenMailboxes<Named extends { readonly name: string }>(
  all: readonly Named[],
  mailbox?: string,
): readonly Named[] {
  if (mailbox === undefined) return all;
  const wanted = /^inbox$/i.test(mailbox) ? "INBOX" : mailbox;
  const chosen = all.filter(({ name }) => name === wanted || name.startsWith(`${wanted}/`));
  if (chosen.length > 0) return chosen;
  throw noSuchMailbox(
    mailbox,
    all.map(({ name }) => name),
  );
}

export const noSuchMailbox = (mailbox: string, there: readonly string[]): CommandFailure =>
  new CommandFailure(
    there.length === 0
      ? `There is no mailbox "${harmless(mailbox)}", nor any other`
      : `There is no mailbox "${harmless(mailbox)}"; there ${there.length === 1 ? "is" : "are"} ${harmless(listed(there, NAMED_MAX))}`,
  );

const NAMED_MAX = 20;

async function copyMailbox(
  source: Mailbox,
  to: AccountMail,
  target: string,
  options: CopyOptions,
): Promise<CopyResult> {
  const there = await emailIdsIn(to, target);
  const wanted: Uid[] = [];
  let known = 0;
  for await (const { uid, emailId } of chosen(source, options)) {
    if (there?.has(emailId) === true) known += 1;
    else wanted.push(uid);
  }
  if (options.isDry === true || wanted.length === 0) {
    return { mailbox: target, copied: wanted.length, there: known };
  }
  if (there === undefined) {
    await to.createMailbox(target);
    await to.setSubscribed(target, true);
  }
  for (let at = 0; at < wanted.length; at += BATCH) {
    await to.append(target, requestsOf(source, wanted.slice(at, at + BATCH)));
    options.onProgress?.(Math.min(at + BATCH, wanted.length));
  }
  return { mailbox: target, copied: wanted.length, there: known };
}

/** Undefined when there is no such mailbox. */
export async function emailIdsIn(
  mail: AccountMail,
  name: string,
): Promise<Set<string> | undefined> {
  const infos = await mail.listMailboxes();
  if (!infos.some((one) => one.exists && one.name === name)) return undefined;
  await using mailbox = await mail.openMailbox(name, { readOnly: true });
  await mailbox.sync(mailbox.columns);
  const ids = new Set<string>();
  for await (const batch of mailbox.summaries(uidsOf(mailbox))) {
    for (const { emailId } of batch) ids.add(emailId);
  }
  return ids;
}

async function* chosen(source: Mailbox, { messageId, sinceMs, beforeMs }: CopyOptions) {
  await source.sync(source.columns);
  const { uids, internalDatesMs } = source.columns;
  const inTime = uidsOf(source).filter((_, index) => {
    const dateMs = internalDatesMs[index] ?? 0;
    return dateMs >= (sinceMs ?? 0) && dateMs < (beforeMs ?? Number.POSITIVE_INFINITY);
  });
  if (uids.length === 0) return;
  // RFC 9051 §7.5.2: Message-ID is the last of the ENVELOPE.
  const ending = messageId === undefined ? undefined : `"${messageId}")`;
  for await (const batch of source.summaries(inTime)) {
    for (const { uid, emailId, envelope } of batch) {
      if (ending === undefined || Buffer.from(envelope).toString("latin1").endsWith(ending)) {
        yield { uid, emailId };
      }
    }
  }
}

const uidsOf = ({ columns }: Mailbox): readonly Uid[] => Array.from(columns.uids) as Uid[];

async function* requestsOf(source: Mailbox, uids: readonly Uid[]): AsyncGenerator<AppendRequest> {
  for (const uid of uids) {
    await using message = await source.openMessage(uid);
    yield requestOf(source, uid, message);
  }
}

/** A message as it is there. */
export function requestOf(
  { columns }: Mailbox,
  uid: Uid,
  message: Pick<StoredMessage, "read">,
): AppendRequest {
  const at = columns.uids.indexOf(uid);
  const bits = columns.systemFlags[at] ?? 0;
  return {
    octets: message.read(),
    systemFlags: (Object.keys(systemFlagBits) as SystemFlag[]).filter(
      (flag) => (bits & systemFlagBits[flag]) !== 0,
    ),
    keywords: columns.keywordSets[columns.keywordSet[at] ?? 0] ?? [],
    internalDateMs: columns.internalDatesMs[at] ?? Date.now(),
    mayHoldNul: true,
  };
}
