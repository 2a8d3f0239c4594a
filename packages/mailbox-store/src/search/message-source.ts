import { createHash } from "node:crypto";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { decodePartTree, type MessagePart, PartScanner } from "@posthouse/message";
import type { IndexReader, MailboxState } from "../index/index-reader.ts";
import { detailsId, storedFlagBits } from "../index/schema.ts";
import { pathOfFile } from "../maildir/folder-files.ts";
import { inboxFolder } from "../maildir/folder-name.ts";
import { parsePlace } from "../mbox/message-place.ts";
import { openMboxMessage } from "../mbox/open-mbox-message.ts";
import { openIfThere, StoredFile } from "../stored-file.ts";

/** A message file that a thread of the search has open. */
export interface SourceMessage extends AsyncDisposable {
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  readonly sizeBytes: number;
  readonly root: MessagePart;
  /** SHA-256 of its octets. */
  readonly emailId: Uint8Array;
}

/**
 * Opens a message by the name that the index has for it, from a thread that only reads. "expunged" when the
 * index has none; "missing" when no file has that name: another program has renamed it, and only a scan
 * finds it again.
 */
export async function openSource(
  accountPath: string,
  reader: IndexReader,
  mailbox: MailboxState,
  uid: number,
  messageBytesMax: number,
): Promise<SourceMessage | "expunged" | "missing"> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    // Our own writer may be just between its rename and its commit.
    if (attempt > 0) await wait(attempt * 10);
    const found = await reader.read((queries) => {
      const state = queries.mailboxByGuid.get(mailbox.guid);
      const row = state && queries.message.get(state.id, uid);
      const details = state && queries.details.get(detailsId(state.id, uid));
      return state && row && { folder: state.folder, signature: state.newMtime, row, details };
    });
    if (found === undefined) return "expunged";
    const { folder, signature, row, details } = found;
    const folderPath = folder === inboxFolder ? accountPath : join(accountPath, folder);
    const isNew = (row.flags & storedFlagBits.isNew) !== 0;
    const place = parsePlace(row.info);
    const tmpDirectory = join(accountPath, "tmp");
    const handle =
      place === undefined
        ? await openIfThere(pathOfFile(folderPath, { ...row, isNew }))
        : await openMboxMessage(folderPath, place, { signature, tmpDirectory, host: "search" });
    if (handle === undefined) continue;
    const isLf = (row.flags & storedFlagBits.isLf) !== 0;
    const isPlain = place !== undefined;
    const about = { sizeBytes: row.size, isLf, isPlain, messageBytesMax };
    const file = await StoredFile.open(handle, about, () =>
      Promise.reject(new Error("not asked for")),
    );
    try {
      if (details === undefined) return await scanned(file);
      return sourceOf(file, decodePartTree(details.parts), details.emailId);
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
  }
  return "missing";
}

/** A message of another program that nobody has asked for yet: all of it is read to find its parts. */
async function scanned(file: StoredFile): Promise<SourceMessage> {
  const scanner = new PartScanner();
  const sha256 = createHash("sha256");
  for await (const octets of file.read(0, Number.POSITIVE_INFINITY)) {
    scanner.push(octets);
    sha256.update(octets);
  }
  return sourceOf(file, scanner.end(), sha256.digest());
}

function sourceOf(file: StoredFile, root: MessagePart, emailId: Uint8Array): SourceMessage {
  return {
    root,
    emailId,
    sizeBytes: file.sizeBytes,
    read: (start, end) => file.read(start, end),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}
