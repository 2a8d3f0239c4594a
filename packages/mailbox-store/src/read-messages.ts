import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { decodePartTree, type MessagePart, PartScanner } from "@posthouse/message";
import type { AccountState } from "./account-state.ts";
import { formOf } from "./compression/file-form.ts";
import { MessageOctets } from "./compression/message-octets.ts";
import { CrlfConverter } from "./crlf.ts";
import type { Queries } from "./index/index-reader.ts";
import { PackedDetails } from "./index/packed-details.ts";
import type { DetailsRow, FileRow, MessageRow } from "./index/rows.ts";
import { detailsId, storedFlagBits } from "./index/schema.ts";
import { limits } from "./limits.ts";
import { pathOfFile } from "./maildir/folder-files.ts";
import { parsePlace } from "./mbox/message-place.ts";
import { openMboxMessage } from "./mbox/open-mbox-message.ts";
import { detailsOf, objectId } from "./message-details.ts";
import { ReadMessage } from "./read-message.ts";
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
    if (found.length > 0) yield found.map((details) => new FoundSummary(details));
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
  const form = { isLf: isLf(row.flags), isPlain: isInMbox(row) };
  const about = { sizeBytes: row.size, messageBytesMax, ...form };
  return StoredFile.open(found.handle, about, () => readParts(account, mailbox, uid));
}

/** Short messages in plain files, read together; whatever is not as the index says is left out. */
export async function readMessages(
  account: AccountState,
  mailbox: SharedMailbox,
  uids: readonly Uid[],
  options: { readonly withParts: boolean } = { withParts: false },
): Promise<ReadonlyMap<Uid, StoredMessage>> {
  const octetsByUid = await readShort(account, mailbox, uids);
  const details = new Map<number, FoundDetails>();
  if (options.withParts) {
    for (const one of await readDetails(account, mailbox, uids)) details.set(one.uid, one);
  }
  const partsOf = async (uid: Uid) => {
    const known = details.get(uid);
    return known === undefined
      ? await readParts(account, mailbox, uid)
      : decodePartTree(known.parts);
  };
  const messages = new Map<Uid, StoredMessage>();
  for (const [uid, octets] of octetsByUid) {
    messages.set(uid, new ReadMessage(octets, () => partsOf(uid)));
  }
  return messages;
}

/** The octets of short messages in plain files, with CRLF. */
async function readShort(
  account: AccountState,
  mailbox: SharedMailbox,
  uids: readonly Uid[],
): Promise<ReadonlyMap<Uid, Uint8Array>> {
  const { id, folder } = mailbox.state;
  const folderPath = account.folderPath(folder);
  const found = await account.read((queries) => findFiles(queries, id, uids));
  const rows = found.filter(isShort);
  const files = await account.context.files.read(
    rows.map(([, flags, size, key, info]) => ({
      path: pathOfFile(folderPath, { key, info, isNew: isNew(flags) }),
      // One more, so that a file that is longer than it was is noticed.
      lengthMax: size + 1,
    })),
  );
  const octetsByUid = new Map<Uid, Uint8Array>();
  for (const [at, row] of rows.entries()) {
    const octets = wholeOctets(row, files[at]);
    if (octets !== undefined) octetsByUid.set(row[0] as Uid, octets);
  }
  return octetsByUid;
}

function findFiles(queries: Queries, mailbox: number, uids: readonly Uid[]): readonly FileRow[] {
  const { first, last, isDense } = spanOf(uids);
  if (!isDense) return uids.flatMap((uid) => queries.filesBetween.all(mailbox, uid, uid));
  const rows = queries.filesBetween.all(mailbox, first, last);
  if (last - first === uids.length - 1) return rows;
  const isWanted = new Set<number>(uids);
  return rows.filter(([uid]) => isWanted.has(uid));
}

/** Messages that follow each other, as they mostly do, are found in one go, with few that nobody asked for. */
function spanOf(uids: readonly Uid[]) {
  const first = uids[0] ?? 0;
  const last = uids.at(-1) ?? 0;
  return { first, last, isDense: last >= first && last - first < 2 * uids.length };
}

const isShort = ([, , size, , info]: FileRow): boolean =>
  size <= limits.readAtOnceBytesMax && parsePlace(info) === undefined;

/** undefined for what is compressed, and for a file that another program has changed. */
function wholeOctets(
  [, flags, size]: FileRow,
  octets: Uint8Array | undefined,
): Uint8Array | undefined {
  if (octets === undefined || formOf(octets) !== "plain") return undefined;
  const whole = isLf(flags) ? new CrlfConverter().convert(octets) : octets;
  return whole.length === size ? whole : undefined;
}

async function readParts(
  account: AccountState,
  mailbox: SharedMailbox,
  uid: Uid,
): Promise<MessagePart> {
  const [details] = await readDetails(account, mailbox, [uid]);
  if (details === undefined) {
    throw new StoreError("gone", `The message of UID ${uid} in "${account.path}" is gone`);
  }
  return decodePartTree(details.parts);
}

async function readDetails(
  account: AccountState,
  mailbox: SharedMailbox,
  uids: readonly Uid[],
): Promise<readonly FoundDetails[]> {
  const { id } = mailbox.state;
  const found = await account.read((queries) => {
    const details = findDetails(queries, id, uids);
    return uids.map((uid) => {
      const known = details.get(uid);
      if (known?.isSound === true) return known;
      return queries.message.get(id, uid) === undefined ? undefined : uid;
    });
  });
  const missing = found.filter((row) => typeof row === "number");
  if (missing.length === 0) return found.filter((row) => typeof row === "object");
  const parsed = await parseMissing(account, mailbox, missing as Uid[]);
  const byUid = new Map(parsed.map((details) => [details.uid, details]));
  return found
    .map((row) => (typeof row === "number" ? byUid.get(row) : row))
    .filter((row) => row !== undefined);
}

function findDetails(
  queries: Queries,
  mailbox: number,
  uids: readonly Uid[],
): ReadonlyMap<number, PackedDetails> {
  const { first, last, isDense } = spanOf(uids);
  const rows = isDense
    ? queries.packedDetailsBetween.all(detailsId(mailbox, first), detailsId(mailbox, last))
    : uids.map((uid) => queries.packedDetails.get(detailsId(mailbox, uid)));
  const found = new Map<number, PackedDetails>();
  for (const row of rows) {
    if (row === undefined) continue;
    const details = new PackedDetails(row);
    found.set(details.uid, details);
  }
  return found;
}

/** Messages of other programs are read when they are first asked for, and then never again. */
async function parseMissing(
  account: AccountState,
  mailbox: SharedMailbox,
  uids: readonly Uid[],
): Promise<readonly FoundDetails[]> {
  const parsed: FoundDetails[] = [];
  let turnEndsMs = performance.now() + limits.parseSliceMs;
  for (let at = 0; at < uids.length; at += limits.parsedTogether) {
    const together = uids.slice(at, at + limits.parsedTogether);
    const short = await readShort(account, mailbox, together);
    for (const uid of together) {
      const octets = short.get(uid);
      const found =
        octets === undefined
          ? await parseFile(account, mailbox, uid)
          : await parseOctets([octets], false);
      if (found !== undefined) parsed.push({ uid, ...found });
      if (performance.now() < turnEndsMs) continue;
      await nextTurn();
      turnEndsMs = performance.now() + limits.parseSliceMs;
    }
  }
  if (parsed.length > 0) await account.run("putDetails", { guid: mailbox.guid, details: parsed });
  return parsed;
}

type ParsedDetails = DetailsRow & { readonly sizeBytes: number; readonly sortKeys: SortKeysRow };

/** undefined for one that is gone or cannot be read. */
async function parseFile(
  account: AccountState,
  mailbox: SharedMailbox,
  uid: Uid,
): Promise<ParsedDetails | undefined> {
  const { messageBytesMax } = account.context;
  const found = await openFile(account, mailbox, uid);
  if (found === undefined) return undefined;
  try {
    const about = { sizeBytes: found.row.size, messageBytesMax, isPlain: isInMbox(found.row) };
    const octets = await MessageOctets.open(found.handle, about);
    return await parseOctets(octets.read(), isLf(found.row.flags));
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "unreadable") throw error;
    account.context.log(`${error.message}: UID ${uid} in "${account.path}", ${found.row.key}`);
    return undefined;
  } finally {
    await found.handle.close();
  }
}

async function parseOctets(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  hasLfLineEnds: boolean,
): Promise<ParsedDetails> {
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
  return openIfThere(pathOfFile(folderPath, { ...row, isNew: isNew(row.flags) }));
}

function isInMbox(row: MessageRow): boolean {
  return parsePlace(row.info) !== undefined;
}

function isNew(flags: number): boolean {
  return (flags & storedFlagBits.isNew) !== 0;
}

function isLf(flags: number): boolean {
  return (flags & storedFlagBits.isLf) !== 0;
}

/** Cuts out and spells only what is asked for. */
class FoundSummary implements MessageSummary {
  readonly #details: FoundDetails;

  constructor(details: FoundDetails) {
    this.#details = details;
  }

  get uid(): Uid {
    return this.#details.uid as Uid;
  }

  get envelope(): Uint8Array {
    return this.#details.envelope;
  }

  get bodyStructure(): Uint8Array {
    return this.#details.bodyStructure;
  }

  get body(): Uint8Array {
    return this.#details.body;
  }

  get emailId(): string {
    return objectId("M", this.#details.emailId);
  }

  get threadId(): string {
    return objectId("T", this.#details.threadId);
  }
}
