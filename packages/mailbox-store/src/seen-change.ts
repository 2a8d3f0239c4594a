import { type FlagChange, type SystemFlag, systemFlagBits, type Uid } from "./types.ts";

interface Target {
  readonly uids: { readonly left: readonly Uid[]; readonly modified: readonly Uid[] };
  /** All keywords of the mailbox. */
  readonly keywords: readonly string[];
  changeStored(
    uids: readonly Uid[],
    change: FlagChange,
  ): Promise<{ readonly modified: readonly Uid[] }>;
  setSeen(uids: readonly Uid[], isSeen: boolean): Promise<void>;
}

/**
 * A change of flags by a user who has his own \Seen: the owner's, in the names of the files, stays as it is. The
 * two are two jobs; a crash between them leaves the first done, as between the messages of any STORE.
 */
export async function changeFlagsOf(
  change: FlagChange,
  target: Target,
): Promise<{ readonly modified: readonly Uid[] }> {
  const { left, modified } = target.uids;
  const isSeenNamed = change.systemFlags.includes("\\Seen");
  const stored = { ...change, systemFlags: change.systemFlags.filter(isNotSeen) };
  const late = await changeStored(left, stored, target);
  const lateSet = new Set(late);
  const done = late.length === 0 ? left : left.filter((uid) => !lateSet.has(uid));
  if (change.mode === "replace") await target.setSeen(done, isSeenNamed);
  else if (isSeenNamed) await target.setSeen(done, change.mode === "add");
  return { modified: [...modified, ...late] };
}

/** Gives the messages that somebody else changed since `unchangedSince`. */
async function changeStored(
  uids: readonly Uid[],
  change: FlagChange,
  target: Target,
): Promise<readonly Uid[]> {
  if (change.mode !== "replace") {
    if (change.systemFlags.length + change.keywords.length === 0) return [];
    return (await target.changeStored(uids, change)).modified;
  }
  // Not in one: the \Seen in the file's name would go too.
  const { modified } = await target.changeStored(uids, { ...change, mode: "add" });
  const wanted = new Set(change.keywords.map((keyword) => keyword.toLowerCase()));
  const late = new Set(modified);
  await target.changeStored(
    uids.filter((uid) => !late.has(uid)),
    {
      mode: "remove",
      systemFlags: (Object.keys(systemFlagBits) as SystemFlag[])
        .filter(isNotSeen)
        .filter((flag) => !change.systemFlags.includes(flag)),
      keywords: target.keywords.filter((keyword) => !wanted.has(keyword.toLowerCase())),
    },
  );
  return modified;
}

const isNotSeen = (flag: SystemFlag): boolean => flag !== "\\Seen";
