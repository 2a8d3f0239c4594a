import { canonicalMailboxName } from "../syntax/mailbox-name.ts";

/** In front of everything that others share; a name goes on with the owner's address. */
export const sharedPrefix = "Shared/";

const sharedPattern = /^Shared\/([^@]+@[^/@]+)(?:\/(.*))?$/s;

/** A mailbox of somebody else, as it is in that account. */
export interface SharedName {
  readonly owner: string;
  readonly name: string;
}

/**
 * Whether a name is of the namespace of what others share: `Shared/`, and an address. A mailbox of one's
 * own may be `Shared/plans`.
 */
export const isSharedName = (name: string): boolean => sharedPattern.test(name);

/** Undefined for a name of one's own, and for the owner's level alone, which is no mailbox. */
export function parseSharedName(name: string): SharedName | undefined {
  const [, owner, below] = sharedPattern.exec(name) ?? [];
  return owner === undefined || below === undefined ? undefined : { owner, name: below };
}

export const formatSharedName = ({ owner, name }: SharedName): string =>
  `${sharedPrefix}${owner}/${name}`;

/** With the owner's INBOX written as INBOX; undefined where no mailbox can have the name. */
export function canonicalSharedName(text: string): string | undefined {
  const shared = parseSharedName(text.normalize("NFC"));
  if (shared === undefined) return canonicalMailboxName(text);
  const name = canonicalMailboxName(shared.name);
  return name === undefined ? undefined : formatSharedName({ ...shared, name });
}
