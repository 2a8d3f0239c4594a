import type { FlagChange, MailboxRights, SystemFlag } from "@posthouse/mailbox-store";

/** The rights of RFC 4314 §2.1, in the order of its table. */
export const allRights = "lrswipkxtea";

/** What an owner always has, or nobody could ever give the rest back. */
export const ownersRights = "la";

/** Everybody who can log in (RFC 4314 §2). */
export const anyone = "anyone";

export type Right = "l" | "r" | "s" | "w" | "i" | "p" | "k" | "x" | "t" | "e" | "a";

/**
 * What one user may do, from the rows of a mailbox: what was given to the user and to anyone, less
 * the negative rights of both (RFC 4314 §2). An owner has everything, unless a row says otherwise.
 */
export function effectiveRights(
  rows: readonly MailboxRights[],
  { user, owner }: { readonly user: string; readonly owner: string },
): string {
  const of = (identifier: string) => rows.find((row) => row.identifier === identifier)?.rights;
  const isOwner = user === owner;
  const given = isOwner ? (of(user) ?? allRights) : `${of(user) ?? ""}${of(anyone) ?? ""}`;
  const taken = `${of(`-${user}`) ?? ""}${isOwner ? "" : (of(`-${anyone}`) ?? "")}`;
  return allRights
    .split("")
    .filter((right) => given.includes(right) && !taken.includes(right))
    .concat(isOwner ? ownersRights.split("") : [])
    .filter((right, at, all) => all.indexOf(right) === at)
    .join("");
}

/**
 * As a client is told them: with the rights of RFC 2086 that these took the place of, which are there when
 * any of their members is (RFC 4314 §2.1.1). Here c is k, and d is x, t and e.
 */
export function formatRights(rights: string): string {
  const ordered = allRights
    .split("")
    .filter((right) => rights.includes(right))
    .join("");
  const virtual = `${/k/.test(ordered) ? "c" : ""}${/[xte]/.test(ordered) ? "d" : ""}`;
  return ordered + virtual;
}

/** Rights as a client gives them; undefined where one of them is none (RFC 4314 §3.1 wants BAD then). */
export function parseRights(text: string): string | undefined {
  const members = text.replaceAll("c", "k").replaceAll("d", "xte");
  if (!members.split("").every((right) => allRights.includes(right))) return undefined;
  return allRights
    .split("")
    .filter((right) => members.includes(right))
    .join("");
}

/** The right that setting or removing a flag takes, RFC 4314 §4. */
export function rightOfFlag(flag: SystemFlag): "s" | "t" | "w" {
  if (flag === "\\Seen") return "s";
  return flag === "\\Deleted" ? "t" : "w";
}

/** The flags of a list that somebody with these rights may set. */
export function permittedFlags<Flags extends Partial<Pick<FlagChange, "systemFlags" | "keywords">>>(
  flags: Flags,
  rights: string,
): Flags {
  return {
    ...flags,
    systemFlags: (flags.systemFlags ?? []).filter((flag) => rights.includes(rightOfFlag(flag))),
    keywords: rights.includes("w") ? (flags.keywords ?? []) : [],
  };
}
