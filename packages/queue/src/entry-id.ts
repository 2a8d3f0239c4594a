import { randomBytes } from "node:crypto";

const messageIdPattern = /^[A-Za-z0-9][A-Za-z0-9._+=@-]{0,127}$/;
const entryIdPattern = /^[A-Za-z0-9][A-Za-z0-9._+=@-]{0,127}~[0-9a-f]{8}$/;

/**
 * The name of an entry and of its file: our message id and 32 random bits, so that two entries of one
 * message (a DSN queued again after a crash) never overwrite each other.
 */
export function formatEntryId(messageId: string): string {
  if (!messageIdPattern.test(messageId)) {
    throw new RangeError(`"${messageId}" cannot be the message id of a queue entry`);
  }
  return `${messageId}~${randomBytes(4).toString("hex")}`;
}

/** False for everything that is not the name of an entry, above all for anything with a slash. */
export const isEntryId = (name: string): boolean => entryIdPattern.test(name);
