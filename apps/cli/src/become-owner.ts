import { statSync } from "node:fs";

/**
 * Gives up root for the user and group that own `path`, with the groups of that user, so that no file
 * changes hands: a command calls it before it opens anything there. Does nothing for anybody else, or
 * when root owns it. There is no way back.
 */
export function becomeOwnerOf(path: string): void {
  if (process.getuid?.() !== 0) return;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.uid === 0) return;
  takeGroupsOf(stat.uid, stat.gid);
  process.setgid?.(stat.gid);
  process.setuid?.(stat.uid);
}

function takeGroupsOf(uid: number, gid: number): void {
  try {
    (process as WithInitgroups).initgroups?.(uid, gid);
  } catch {
    // A user without a name, as in a container whose volume comes from elsewhere, is in no other group.
    process.setgroups?.([gid]);
  }
}

/** Node has it on every Unix; its types do not. */
type WithInitgroups = typeof process & { initgroups?(user: number, group: number): void };
