import { join } from "node:path";
import { inboxFolder } from "../maildir/folder-name.ts";

/**
 * What was expunged and can still be brought back:
 *
 *   posthouse-expunged/2026-11-29/INBOX/<file name>           a message of that mailbox, as it was in cur/ or new/
 *   posthouse-expunged/2026-11-29/.Work/deleted.<16 hex>/     a whole mailbox, as it was before it was deleted
 *
 * The day is that of the expunge, in UTC. Nothing of it is in the index, and no quota counts it.
 */
export const expungedName = "posthouse-expunged";

/** The same, to be read as mailboxes: see linkExpunged(). */
export const expungedMailName = "posthouse-expunged-mail";

const INBOX = "INBOX";
const DAY_MS = 24 * 3_600_000;

export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** Days before this one are over. */
export const oldestDay = (keptDays: number, nowMs = Date.now()): string =>
  dayOf(nowMs - keptDays * DAY_MS);

export const isDay = (name: string): boolean => /^\d{4}-\d\d-\d\d$/.test(name);

export const isDeletedMailbox = (name: string): boolean => /^deleted\.[0-9a-f]{16}$/.test(name);

/** Relative to the account. Names of folders begin with a dot, so none is in the way of INBOX. */
export const placeOf = (day: string, folder: string): string =>
  join(expungedName, day, folder === inboxFolder ? INBOX : folder);

/** What an id says, which is a path below posthouse-expunged; undefined when it is none of ours. */
export function partsOfId(
  id: string,
): { readonly day: string; readonly folder: string; readonly name: string } | undefined {
  const [day = "", folder = "", name = "", ...more] = id.split("/");
  const isName = name !== "" && !name.startsWith(".") && !name.includes("\0");
  const isFolder = folder === INBOX || /^\.(?!\.)[^\0]+$/.test(folder);
  if (more.length > 0 || !isDay(day) || !isFolder || !isName) return undefined;
  return { day, folder: folder === INBOX ? inboxFolder : folder, name };
}
