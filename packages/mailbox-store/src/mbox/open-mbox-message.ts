import { createReadStream } from "node:fs";
import { access, type FileHandle, open, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { limits } from "../limits.ts";
import { errnoOf, fileMode } from "../maildir/durable-file.ts";
import { newKeyStem } from "../maildir/maildir-name.ts";
import { StoreError } from "../store-error.ts";
import { tryToLock, whyNoLocks } from "./fcntl-lock.ts";
import { mboxJournalName, mboxName } from "./mbox-folder.ts";
import { heldByAnother } from "./mbox-lock.ts";
import type { MessagePlace } from "./message-place.ts";
import { StoredDecoder } from "./stored-octets.ts";

/**
 * The octets of one message of an mbox, as they are served, in a file that has no name any more; undefined
 * when the mbox is not what the index has seen.
 *
 * A copy, since a session may take minutes to read a message, and nobody could write the mbox while it
 * is locked for that long: it is locked while it is copied.
 */
export async function openMboxMessage(
  folderPath: string,
  place: MessagePlace,
  about: { readonly signature: string; readonly tmpDirectory: string; readonly host: string },
): Promise<FileHandle | undefined> {
  const path = join(folderPath, mboxName);
  const mbox = await openIfThere(path);
  if (mbox === undefined) return undefined;
  try {
    await lockForReading(mbox, path);
    // A write that a crash interrupted is finished by the writer.
    if (await isThere(join(folderPath, mboxJournalName))) return undefined;
    if ((await signatureOf(path)) !== about.signature) return undefined;
    const copy = await copyMessage(mbox, place, join(about.tmpDirectory, newKeyStem(about.host)));
    if ((await signatureOf(path)) === about.signature) return copy;
    await copy.close();
    return undefined;
  } finally {
    await mbox.close();
  }
}

/** Where there are no locks, the look at the file before and after has to do. */
async function lockForReading(mbox: FileHandle, path: string): Promise<void> {
  if (whyNoLocks() !== undefined) return;
  const deadline = Date.now() + limits.lockWaitMs;
  while (!tryToLock(mbox.fd, "read")) {
    if (Date.now() > deadline) throw heldByAnother(path);
    await wait(5);
  }
}

async function copyMessage(
  mbox: FileHandle,
  place: MessagePlace,
  path: string,
): Promise<FileHandle> {
  const copy = await open(path, "wx+", fileMode);
  try {
    await unlink(path);
    const decoder = new StoredDecoder(place.form);
    const { headerOffset: start, bodyEnd } = place;
    if (bodyEnd > start) {
      const octets = createReadStream("", {
        fd: mbox,
        start,
        end: bodyEnd - 1,
        autoClose: false,
        highWaterMark: limits.readChunkBytes,
      });
      for await (const chunk of octets) await copy.appendFile(decoder.convert(chunk as Buffer));
    }
    await copy.appendFile(decoder.end());
    return copy;
  } catch (error) {
    await copy.close();
    throw new StoreError(
      "unavailable",
      `Cannot copy a message to "${path}": ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new StoreError("unavailable", `Cannot open "${path}": ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** As mboxSignature(), without holding the event loop. */
export async function signatureOf(path: string): Promise<string> {
  return stat(path, { bigint: true }).then(
    ({ ino, size, mtimeNs }) => `${ino}:${size}:${mtimeNs}`,
    () => "none",
  );
}
