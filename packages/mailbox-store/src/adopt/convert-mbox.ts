import { open, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { crashPoint } from "../crash-point.ts";
import { CrlfConverter } from "../crlf.ts";
import { limits } from "../limits.ts";
import { fileMode } from "../maildir/durable-file.ts";
import { pathOfFile, type SeenFile } from "../maildir/folder-files.ts";
import { keyWithSizes, newKeyStem } from "../maildir/maildir-name.ts";
import type { UidListEntry } from "../maildir/uid-list.ts";
import { signatureOfOpenMbox } from "../mbox/mbox-folder.ts";
import { sourceOf } from "../mbox/mbox-journal.ts";
import {
  type OctetSource,
  octetsBetween,
  type ScannedMessage,
  scanMbox,
} from "../mbox/mbox-scanner.ts";
import { parseFlags, type StoreField } from "../mbox/store-fields.ts";
import { StoredDecoder } from "../mbox/stored-octets.ts";
import { infoOfFlags } from "../message-flags.ts";
import type { FolderKeywords } from "./folder-keywords.ts";
import { inParallel } from "./in-parallel.ts";
import { lockSource } from "./lock-source.ts";
import { isInternalMessage, keywordsOf, StoredUids } from "./mbox-source.ts";
import type { SourceFolder, SourceUids } from "./source-tree.ts";

export interface ConvertedMbox {
  readonly uids: SourceUids;
  /** Of the mbox when it was read, while nobody could write it. */
  readonly signature: string;
}

interface NumberedMessage {
  readonly message: ScannedMessage;
  readonly uid: number | undefined;
}

/**
 * Every message of an mbox as a file of a Maildir, octet for octet as Dovecot served it, but with the
 * From_ lines unquoted where no Content-Length can be believed (mbox-scanner.ts). Messages are written
 * several at a time, each in pieces; of all of them only their names and UIDs are held.
 *
 * The mbox is locked meanwhile, and it is not written.
 */
export async function convertMbox(
  folder: SourceFolder,
  to: string,
  keywords: FolderKeywords,
  freshUidValidity: () => number,
): Promise<ConvertedMbox> {
  using locked = await lockSource(folder.path);
  const source = sourceOf(locked.fd);
  const uids = new StoredUids();
  const entries: UidListEntry[] = [];
  const keysWithoutUid: { readonly fromOffset: number; readonly key: string }[] = [];
  let touchedMs = Date.now();
  await inParallel(numbered(source, uids), async ({ message, uid }) => {
    const key = await writeMessage(source, message, to, keywords);
    crashPoint("T1");
    if (uid === undefined) keysWithoutUid.push({ fromOffset: message.fromOffset, key });
    else entries.push({ uid, key });
    if (Date.now() - touchedMs < limits.staleLockMs / 4) return;
    touchedMs = Date.now();
    locked.touch();
  });
  const { base } = uids;
  let uidNext = (base?.uidLast ?? 0) + 1;
  entries.sort((a, b) => a.uid - b.uid);
  // In the order of the file, after all that have one.
  for (const { key } of keysWithoutUid.sort((a, b) => a.fromOffset - b.fromOffset)) {
    entries.push({ uid: uidNext, key });
    uidNext += 1;
  }
  return {
    uids: {
      uidValidity: base?.uidValidity ?? freshUidValidity(),
      uidNext,
      guid: undefined,
      entries,
      damagedLines: 0,
    },
    signature: signatureOfOpenMbox(locked.fd),
  };
}

function* numbered(source: OctetSource, uids: StoredUids): Generator<NumberedMessage> {
  for (const message of scanMbox(source)) {
    const uid = uids.uidOf(message);
    if (!isInternalMessage(message)) yield { message, uid };
  }
}

/** On disk when it resolves, but for its name. Gives its key. */
async function writeMessage(
  source: OctetSource,
  message: ScannedMessage,
  to: string,
  keywords: FolderKeywords,
): Promise<string> {
  const stem = newKeyStem(hostname()).replace(/^\d+/, saveSecondsOf(message));
  const tmp = join(to, "tmp", stem);
  try {
    const { fileBytes, crlfBytes } = await writeOctets(source, message, tmp);
    const key = keyWithSizes(stem, fileBytes, crlfBytes);
    await rename(tmp, pathOfFile(to, fileOf(message, key, keywords)));
    return key;
  } catch (error) {
    await rm(tmp, { force: true });
    throw error;
  }
}

/** SAVEDATE: nobody noted it but the store itself; else it is INTERNALDATE, as in an mbox that is served. */
function saveSecondsOf({ notes, dateMs }: ScannedMessage): string {
  return String(Math.max(notes?.savedSeconds ?? Math.floor(dateMs / 1000), 0));
}

async function writeOctets(
  source: OctetSource,
  message: ScannedMessage,
  path: string,
): Promise<{ readonly fileBytes: number; readonly crlfBytes: number }> {
  const { form, headerOffset, bodyEnd, notes, dateMs } = message;
  const decoder = new StoredDecoder(form, notes === undefined ? servedFields : undefined);
  const crlf = new CrlfConverter();
  let fileBytes = 0;
  let crlfBytes = 0;
  await using file = await open(path, "wx", fileMode);
  const write = async (octets: Uint8Array) => {
    if (octets.length === 0) return;
    await file.appendFile(octets);
    fileBytes += octets.length;
    crlfBytes += form.isExact ? crlf.convert(octets).length : octets.length;
  };
  for (const octets of octetsBetween(source, headerOffset, bodyEnd)) {
    await write(decoder.convert(octets));
  }
  await write(decoder.end());
  // Node takes a negative time for the present one.
  const seconds = Math.max(dateMs, 0) / 1000;
  await file.utimes(seconds, seconds);
  await file.sync();
  return { fileBytes, crlfBytes };
}

/** mutt's field, which Dovecot shows to clients: they have counted it in RFC822.SIZE. */
const servedFields: ReadonlySet<StoreField> = new Set(["lines"]);

function fileOf(message: ScannedMessage, key: string, keywords: FolderKeywords): SeenFile {
  const { systemFlags, isRecent } = parseFlags(message.fields);
  const names = keywordsOf(message);
  if (names.length > 0) keywords.note(key, names);
  const isNew = isRecent && systemFlags === 0 && names.length === 0;
  const info = isNew ? "" : infoOfFlags("", systemFlags, [], () => false);
  return keywords.fileNamed({ key, info, isNew });
}
