/** In front of what was expunged and can be brought back; a name goes on with the day. */
export const restorePrefix = "Restore/";

const restorePattern = /^Restore\/\d{4}-\d\d-\d\d$/;

/**
 * Whether a name is of that namespace: `Restore/`, and a day. A mailbox of one's own may be `Restore/plans`, from
 * before the namespace was there or by way of another program.
 */
export const isRestoreName = (name: string): boolean => restorePattern.test(name);

export const dayOfRestoreName = (name: string): string => name.slice(restorePrefix.length);

/**
 * Whether a pattern of LIST names the namespace itself, or goes on behind its prefix. Nothing of it is found by a
 * wildcard that would have to reach into it: a program that lists everything does not see it, and fetches no
 * mail a second time (RFC 9051 §6.3.9: a server may hide mailboxes from wildcards).
 */
export const reachesRestore = (pattern: string): boolean =>
  pattern === "Restore" || pattern.startsWith(restorePrefix);
