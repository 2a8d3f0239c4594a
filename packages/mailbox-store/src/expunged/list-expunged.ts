import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { AccountState } from "../account-state.ts";
import { internalDateMsOf, listMessageFiles } from "../maildir/folder-files.ts";
import { inboxFolder, nameOfFolder } from "../maildir/folder-name.ts";
import { parseMaildirName } from "../maildir/maildir-name.ts";
import { StoreError } from "../store-error.ts";
import { openIfThere, StoredFile } from "../stored-file.ts";
import type { Expunged, StoredMessage } from "../types.ts";
import { sizeOfFile } from "../writer/adopt-file.ts";
import { expungedName, isDay, isDeletedMailbox, partsOfId } from "./expunged-tree.ts";

/** The latest day first, and in it by mailbox. */
export async function listExpunged(account: AccountState): Promise<readonly Expunged[]> {
  const root = join(account.path, expungedName);
  const days = (await namesIn(root)).filter(isDay).sort().reverse();
  const found: Expunged[] = [];
  for (const day of days) {
    for (const place of (await namesIn(join(root, day))).sort()) {
      for (const name of (await namesIn(join(root, day, place))).sort()) {
        const one = await about(account, `${day}/${place}/${name}`);
        if (one !== undefined) found.push(one);
      }
    }
  }
  return found;
}

async function about(account: AccountState, id: string): Promise<Expunged | undefined> {
  const parts = partsOfId(id);
  if (parts === undefined) return undefined;
  const { day, folder, name } = parts;
  const path = pathOf(account, id);
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) return undefined;
  const common = { id, mailbox: nameOfFolder(folder, account.names), day };
  if (stats.isDirectory()) {
    if (!isDeletedMailbox(name) || folder === inboxFolder) return undefined;
    return { kind: "mailbox", ...common, messages: listMessageFiles(path).size };
  }
  return { kind: "message", ...common, internalDateMs: internalDateMsOf(stats) };
}

/** "gone" when it was brought back, or its days are over. */
export async function openExpunged(account: AccountState, id: string): Promise<StoredMessage> {
  const parts = partsOfId(id);
  const path = pathOf(account, id);
  const size =
    parts === undefined || isDeletedMailbox(parts.name)
      ? undefined
      : sizeOfFile(path, parseMaildirName(parts.name).key);
  const handle = size === undefined ? undefined : await openIfThere(path);
  if (size === undefined || handle === undefined) {
    throw new StoreError("gone", `Nothing that was expunged has the id "${id}"`);
  }
  const { messageBytesMax } = account.context;
  const sizeBytes = size.crlfBytes;
  return await StoredFile.open(handle, { sizeBytes, isLf: size.isLf, messageBytesMax }, () => {
    throw new StoreError("not-permitted", "Only the octets of what was expunged can be read");
  });
}

const pathOf = (account: AccountState, id: string): string => join(account.path, expungedName, id);

async function namesIn(path: string): Promise<string[]> {
  return await readdir(path).catch(() => []);
}
