import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import type { Account } from "@posthouse/accounts";
import { openMailStore } from "@posthouse/mailbox-store";
import type { Config } from "@posthouse/service";
import { becomeOwnerOf } from "./become-owner.ts";
import { isRunning } from "./is-running.ts";
import { type CopyOptions, type CopyResult, copyMessages } from "./mail-copy.ts";
import { openStoreOf } from "./mail-store.ts";
import { copyTakeout } from "./moving/takeout.ts";

/** The id of an account in a mail directory that is there for one command. */
export const STAGED_ID = "staged";

/** A mail directory in paths.tmp, for as long as `work` takes. */
export async function withStaging<Result>(
  { paths }: Config,
  work: (mailDirectory: string) => Promise<Result>,
): Promise<Result> {
  mkdirSync(paths.tmp, { recursive: true });
  sweepStagings(paths.tmp);
  const directory = mkdtempSync(join(paths.tmp, `staging-${process.pid}-`));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Removes what a command that was killed left there, which may be as large as the mail of an account. */
export function sweepStagings(tmpDirectory: string): void {
  if (!existsSync(tmpDirectory)) return;
  for (const entry of readdirSync(tmpDirectory)) {
    const pid = /^staging-(\d+)-\w{6}$/.exec(entry)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    rmSync(join(tmpDirectory, entry), { recursive: true, force: true });
  }
}

/** Copies the mail of `address` in that directory into an account in use. Becomes the owner of the mail. */
export async function copyStaged(options: {
  readonly config: Config;
  readonly directory: string;
  readonly address: string;
  readonly into: Account;
  readonly copy: CopyOptions;
  /** Messages go where their labels say. */
  readonly isTakeout?: boolean;
}): Promise<readonly CopyResult[]> {
  const { config, directory, address, into, copy } = options;
  giveToOwnerOf(config.paths.mail, directory);
  becomeOwnerOf(config.paths.mail);
  await using staged = await openMailStore({
    mailDirectory: directory,
    messageBytesMax: config.limits.messageBytesMax,
    host: config.hostname,
  });
  await using from = await staged.openAccount({ id: STAGED_ID, address });
  await using store = await openStoreOf(config);
  await using to = await store.openAccount(into);
  if (options.isTakeout !== true) return await copyMessages(from, to, copy);
  await using inbox = await from.openMailbox("INBOX", { readOnly: true });
  return await copyTakeout(inbox, to, copy);
}

/** Only root can, and nobody else needs it. */
export function giveToOwnerOf(owner: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  const stats = lstatSync(owner, { throwIfNoEntry: false });
  if (stats === undefined) return;
  const { uid, gid } = stats;
  chownSync(path, uid, gid);
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    chownSync(join(entry.parentPath, entry.name), uid, gid);
  }
}
