import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { decodePartTree, PartScanner } from "@posthouse/message";
import type { AccountState } from "./account-state.ts";
import { MessageOctets } from "./compression/message-octets.ts";
import { CrlfConverter } from "./crlf.ts";
import { areDetailsSound } from "./index/details-crc.ts";
import type { DetailsRow, MessageRow } from "./index/rows.ts";
import { detailsId, storedFlagBits } from "./index/schema.ts";
import { limits } from "./limits.ts";
import { pathOfFile } from "./maildir/folder-files.ts";
import { parsePlace } from "./mbox/message-place.ts";
import { openMboxMessage } from "./mbox/open-mbox-message.ts";
import { detailsOf, objectId } from "./message-details.ts";
import type { SharedMailbox } from "./shared-mailbox.ts";
import { type SortKeysRow, sortKeysOf } from "./sort-keys.ts";
import { StoreError } from "./store-error.ts";
import { openIfThere, StoredFile } from "./stored-file.ts";
import type { MessageSummary, StoredMessage, Uid } from "./types.ts";

type FoundDetails = DetailsRow & { readonly uid: number; readonly sizeBytes?: number };

/** Wide columns of many messages, a batch at a time; no message file is opened for what the index has. */
export async function* readSummaries(
  account: AccountState,
  mailbox: SharedMailbox,
  uids: readonly Uid[],
): AsyncGenerator<readonly MessageSummary[]> {
  for (let at = 0; at < uids.length; at += limits.summariesPerBatch) {
    const wanted = uids.slice(at, at + limits.summariesPerBatch);
    const found = await readDetails(account, mailbox, wanted);
    if (found.length > 0) yield found.map(summaryOf);
  }
}

/** Opens a message's file under the name it has now; "gone" when it has none. */
export async function openMessage(
  account: AccountState,
  mailbox: SharedMailbox,
  uid: Uid,
): Promise<StoredMessage> {
  const found = await openFile(account, mailbox, uid);
  if (found === undefined) {
    throw new StoreError("gone", `The message of UID ${uid} in "${account.path}" is gone`);
  }
  const { messageBytesMax } = account.context;
  const { row } = found;
  const form = { isLf: isLf(row), isPlain: isInMbox(row) };
  const about = { sizeBytes: row.size, messageBytesMax, ...form };
  return StoredFile.open(found.handle, about, async () => {
    const [details] = await readDetails(account, mailbox, [uid]);
    if (details === undefined) {
      throw new StoreError("gone", `The message of UID ${uid} in "${account.path}" is gone`);
    }
    return decodePartTree(details.parts);
  });
}

async function readDetails(
  account: AccountState,
  mailbox: SharedMailbox,
  uids: readonly Uid[],
): Promise<readonly FoundDetails[]> {
  const found = await account.read((queries) =>
    uids.map((uid) => {
      const { id } = mailbox.state;
      const details = queries.details.get(detailsId(id, uid));
      if (details !== undefined && areDetailsSound(details)) return { uid, ...details };
      return queries.message.get(id, uid) === undefined ? undefined : uid;
    }),
  );
  const missing = found.filter((row) => typeof row === "number");
  if (missing.length === 0) return found.filter((row) => typeof row === "object");
  const parsed = await parseMissing(account, mailbox, missing as Uid[]);
  const byUid = new Map(parsed.map((details) => [details.uid, details]));
  return found
    .map((row) => (typeof row === "number" ? byUid.get(row) : row))
    .filter((row) => row !== undefined);
}

/** Messages of other programs are read when they are first asked for, and then never again. */
async function parseMissing(
  account: AccountState,
  mailbox: SharedMailbox,
  uids: readonly Uid[],
): Promise<readonly FoundDetails[]> {
  const { messageBytesMax } = account.context;
  const parsed: FoundDetails[] = [];
  for (const uid of uids) {
    const found = await openFile(account, mailbox, uid);
    if (found === undefined) continue;
    try {
      const about = { sizeBytes: found.row.size, messageBytesMax, isPlain: isInMbox(found.row) };
      const octets = await MessageOctets.open(found.handle, about);
      parsed.push({ uid, ...(await parseOctets(octets.read(), isLf(found.row))) });
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "unreadable") throw error;
      account.context.log(`${error.message}: UID ${uid} in "${account.path}", ${found.row.key}`);
    } finally {
      await found.handle.close();
    }
  }
  if (parsed.length > 0) await account.run("putDetails", { guid: mailbox.guid, details: parsed });
  return parsed;
}

async function parseOctets(
  chunks: AsyncIterable<Uint8Array>,
  hasLfLineEnds: boolean,
): Promise<DetailsRow & { readonly sizeBytes: number; readonly sortKeys: SortKeysRow }> {
  const scanner = new PartScanner({ lineEnds: hasLfLineEnds ? "lf" : "crlf" });
  const converter = new CrlfConverter();
  const sha256 = createHash("sha256");
  for await (const octets of chunks) {
    scanner.push(octets);
    sha256.update(hasLfLineEnds ? converter.convert(octets) : octets);
  }
  const part = scanner.end();
  return {
    ...detailsOf(scanner.header, part, sha256.digest()),
    sortKeys: sortKeysOf(scanner.header),
    sizeBytes: scanner.sizeBytes,
  };
}

/**
 * The name of the index is tried first. Another process of ours may just have renamed the file, so the
 * index is asked once more; then another program has, and a scan finds its new name.
 */
async function openFile(
  account: AccountState,
  mailbox: SharedMailbox,
  uid: Uid,
): Promise<{ readonly handle: FileHandle; readonly row: MessageRow } | undefined> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (attempt === 2) await mailbox.scan();
    if (attempt > 0) await mailbox.refresh();
    const { id, folder } = mailbox.state;
    const row = await account.read((queries) => queries.message.get(id, uid));
    if (row === undefined) return undefined;
    const handle = await openWhereItIs(account, account.folderPath(folder), mailbox, row);
    if (handle !== undefined) return { handle, row };
  }
  return undefined;
}

async function openWhereItIs(
  account: AccountState,
  folderPath: string,
  mailbox: SharedMailbox,
  row: MessageRow,
): Promise<FileHandle | undefined> {
  const place = parsePlace(row.info);
  if (place !== undefined) {
    return openMboxMessage(folderPath, place, {
      signature: mailbox.state.newMtime,
      tmpDirectory: account.tmpPath,
      host: account.context.host,
    });
  }
  const isNew = (row.flags & storedFlagBits.isNew) !== 0;
  return openIfThere(pathOfFile(folderPath, { ...row, isNew }));
}

function isInMbox(row: MessageRow): boolean {
  return parsePlace(row.info) !== undefined;
}

function isLf(row: MessageRow): boolean {
  return (row.flags & storedFlagBits.isLf) !== 0;
}

function summaryOf(details: FoundDetails): MessageSummary {
  return {
    uid: details.uid as Uid,
    envelope: details.envelope,
    bodyStructure: details.bodyStructure,
    body: details.body,
    emailId: objectId("M", details.emailId),
    threadId: objectId("T", details.threadId),
  };
}
