import type { Account } from "@posthouse/accounts";
import {
  type AccountMail,
  type AppendRequest,
  StoreError,
  type SystemFlag,
  systemFlagBits,
} from "@posthouse/mailbox-store";
import type { Config } from "@posthouse/service";
import type { FetchMessageObject, ImapFlow } from "imapflow";
import { becomeOwnerOf } from "../become-owner.ts";
import { CommandFailure } from "../command-failure.ts";
import { type CopyOptions, type CopyResult, chosenMailboxes } from "../mail-copy.ts";
import { openStoreOf } from "../mail-store.ts";
import {
  connectImap,
  type ImapSource,
  mailboxesOf,
  reasonOf,
  type SourceMailbox,
} from "./imap-source.ts";

/** In memory at once: what one FETCH asks for. A larger message comes alone. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
const BATCH_MESSAGES_MAX = 100;
/** A connection that is lost is made anew, so many times without a message between. */
const RETRIES_MAX = 5;
const RETRY_MS = 2000;

interface ImapImport {
  readonly config: Config;
  readonly source: ImapSource;
  readonly password: string;
  readonly into: Account;
  readonly copy: CopyOptions;
  readonly onProgress?: (done: number, all: number) => void;
  /** Before a lost connection is made anew. */
  readonly retryMs?: number;
  /** What could not be taken, a sentence each. */
  readonly remark: (text: string) => void;
}

/**
 * Copies mail from another IMAP server, with flags, keywords and dates. It is only read there.
 *
 * Nothing is remembered between two runs: what the account has already is told by Message-ID (or where there is
 * none, date) and size, as often as it is there, and not fetched. So it can be stopped anywhere and run again,
 * and a second run some days later brings what came meanwhile.
 *
 * @throws CommandFailure, StoreError
 */
export async function importFromImap(job: ImapImport): Promise<readonly CopyResult[]> {
  let client = await connectImap(job.source, job.password);
  try {
    const wanted = chosenMailboxes(await mailboxesOf(client), job.copy.mailbox);
    becomeOwnerOf(job.config.paths.mail);
    await using store = await openStoreOf(job.config);
    await using to = await store.openAccount(job.into);
    const results: CopyResult[] = [];
    for (const mailbox of wanted) {
      const total: { copied: number; there: number } = { copied: 0, there: 0 };
      let retries = 0;
      for (;;) {
        const before = total.copied;
        try {
          await copyMailbox(client, mailbox, to, job, total);
          break;
        } catch (error) {
          if (error instanceof StoreError || error instanceof CommandFailure) throw error;
          retries = total.copied > before ? 0 : retries + 1;
          if (client.usable || retries > RETRIES_MAX) {
            throw new CommandFailure(
              `Stopped in "${mailbox.name}": ${reasonOf(error)}; the same command again goes on from there`,
              { cause: error },
            );
          }
          await new Promise((resolve) => setTimeout(resolve, job.retryMs ?? RETRY_MS));
          client.close();
          client = await connectImap(job.source, job.password);
        }
      }
      if (total.copied + total.there > 0) {
        const target = job.copy.nameIn?.(mailbox.name) ?? mailbox.name;
        results.push({ mailbox: target, ...total });
      }
    }
    await client.logout();
    return results;
  } finally {
    client.close();
  }
}

interface Listed {
  readonly uid: number;
  readonly size: number;
}

async function copyMailbox(
  client: ImapFlow,
  { path, name }: SourceMailbox,
  to: AccountMail,
  job: ImapImport,
  total: { copied: number; there: number },
): Promise<void> {
  const target = job.copy.nameIn?.(name) ?? name;
  await client.mailboxOpen(path, { readOnly: true });
  const there = await knownIn(to, target);
  const wanted: Listed[] = [];
  // What an earlier try copied is found there now.
  const copiedBefore = total.copied;
  total.there = 0;
  if (client.mailbox !== false && client.mailbox.exists > 0) {
    const asked = { uid: true, size: true, envelope: true, internalDate: true };
    for await (const message of client.fetch("1:*", asked)) {
      const { uid, size = 0, envelope } = message;
      const dateMs = dateMsOf(message);
      if (dateMs < (job.copy.sinceMs ?? 0)) continue;
      if (dateMs >= (job.copy.beforeMs ?? Number.POSITIVE_INFINITY)) continue;
      const key = keyOf(envelope?.messageId, dateMs, size);
      const count = there?.get(key) ?? 0;
      if (count > 0) {
        there?.set(key, count - 1);
        total.there += 1;
      } else wanted.push({ uid, size });
    }
  }
  total.there -= copiedBefore;
  if (job.copy.isDry === true) {
    total.copied = wanted.length;
    return;
  }
  if (there === undefined && wanted.length > 0) {
    await to.createMailbox(target);
    await to.setSubscribed(target, true);
  }
  let done = 0;
  for (const batch of batchesOf(wanted, job)) {
    const { uids } = await to.append(target, fetched(client, batch));
    total.copied += uids.length;
    done += batch.length;
    job.onProgress?.(done, wanted.length);
  }
}

function* batchesOf(messages: readonly Listed[], { config, remark }: ImapImport) {
  let batch: number[] = [];
  let bytes = 0;
  for (const { uid, size } of messages) {
    if (size > config.limits.messageBytesMax) {
      remark(
        `A message of ${size} octets is larger than limits.message_bytes_max, and was left out`,
      );
      continue;
    }
    if (
      batch.length >= BATCH_MESSAGES_MAX ||
      (bytes + size > BATCH_BYTES_MAX && batch.length > 0)
    ) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(uid);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** Those that went meanwhile are left out. */
async function* fetched(client: ImapFlow, uids: readonly number[]): AsyncGenerator<AppendRequest> {
  const asked = { uid: true, flags: true, internalDate: true, source: true };
  for await (const message of client.fetch(uids.join(","), asked, { uid: true })) {
    if (message.source === undefined) continue;
    const flags = [...(message.flags ?? [])];
    yield {
      octets: [message.source],
      systemFlags: flags.filter((flag): flag is SystemFlag => Object.hasOwn(systemFlagBits, flag)),
      keywords: flags.filter((flag) => !flag.startsWith("\\")),
      internalDateMs: dateMsOf(message),
      mayHoldNul: true,
    };
  }
}

/** How often the account has each; undefined when it has no such mailbox. */
async function knownIn(mail: AccountMail, name: string): Promise<Map<string, number> | undefined> {
  const infos = await mail.listMailboxes();
  if (!infos.some((one) => one.exists && one.name === name)) return undefined;
  await using mailbox = await mail.openMailbox(name, { readOnly: true });
  await mailbox.sync(mailbox.columns);
  const { uids, sizes, internalDatesMs } = mailbox.columns;
  const rowOf = new Map(Array.from(uids, (uid, row) => [uid, row]));
  const known = new Map<string, number>();
  for await (const batch of mailbox.summaries(
    Array.from(uids) as Parameters<typeof mailbox.summaries>[0][number][],
  )) {
    for (const { uid, envelope } of batch) {
      const row = rowOf.get(uid) ?? 0;
      // RFC 9051 §7.5.2: Message-ID is the last of the ENVELOPE.
      const id = /"(<[^"]*>)"\)$/.exec(Buffer.from(envelope).toString("latin1"))?.[1];
      const key = keyOf(id, internalDatesMs[row] ?? 0, sizes[row] ?? 0);
      known.set(key, (known.get(key) ?? 0) + 1);
    }
  }
  return known;
}

/** Some servers tell dates without their fractions. */
const keyOf = (messageId: string | undefined, dateMs: number, size: number): string =>
  `${messageId === undefined || messageId === "" ? Math.floor(dateMs / 1000) : messageId} ${size}`;

function dateMsOf({ internalDate }: FetchMessageObject): number {
  const ms = internalDate === undefined ? Number.NaN : new Date(internalDate).getTime();
  return Number.isNaN(ms) ? Date.now() : ms;
}
