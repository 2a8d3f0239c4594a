import { statSync } from "node:fs";

/** Gives up root for the user and group that own `path`. Does nothing for anybody else, or when root owns it. */
export function becomeOwnerOf(path: string): void {
  if (process.getuid?.() !== 0) return;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.uid === 0) return;
  (process as WithInitgroups).initgroups?.(stat.uid, stat.gid);
  process.setgid?.(stat.gid);
  process.setuid?.(stat.uid);
}

/** Node has it on every Unix; its types do not. */
type WithInitgroups = typeof process & { initgroups?(user: number, group: number): void };
