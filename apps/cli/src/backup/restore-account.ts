import { chownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Account } from "@posthouse/accounts";
import { accountPlaceOf, openMailStore } from "@posthouse/mailbox-store";
import type { Config } from "@posthouse/service";
import { becomeOwnerOf } from "../become-owner.ts";
import { CommandFailure } from "../command-failure.ts";
import { type CopyOptions, type CopyResult, copyMessages } from "../mail-copy.ts";
import { putAccount } from "./put-account.ts";
import { type Repository, readList, type Snapshot } from "./repository.ts";

/**
 * Brings messages of a backup into an account that is in use. They come through the store, as if a client
 * stored them: nobody has to be stopped, and no UID is given twice. On the way they stand in paths.tmp.
 *
 * @throws CommandFailure, StoreError
 */
export async function restoreAccount(options: {
  readonly repository: Repository;
  readonly snapshot: Snapshot;
  readonly config: Config;
  /** Whose mail of the backup. */
  readonly address: string;
  readonly into: Account;
  readonly copy: CopyOptions;
}): Promise<readonly CopyResult[]> {
  const { repository, snapshot, config, address, into, copy } = options;
  const place = accountPlaceOf(address);
  const list = `mail/${place.domain}/${place.localPart}.jsonl`;
  if (snapshot.lists[list] === undefined) {
    throw new CommandFailure(`The backup ${snapshot.name} has no mail of ${address}`);
  }
  const directory = mkdtempSync(join(config.paths.tmp, "restore-"));
  try {
    const path = join(directory, place.domain, place.localPart);
    mkdirSync(path, { recursive: true });
    // Whose it was does not matter here, and would keep it from being opened.
    putAccount(
      repository,
      readList(repository, snapshot, list),
      path,
      (file) => file.path !== "posthouse-account",
    );
    giveToOwnerOf(config.paths.mail, directory);
    becomeOwnerOf(config.paths.mail);
    const { messageBytesMax } = config.limits;
    await using backup = await openMailStore({
      mailDirectory: directory,
      messageBytesMax,
      host: config.hostname,
    });
    await using from = await backup.openAccount({ id: "restored", address });
    await using store = await openMailStore({
      mailDirectory: config.paths.mail,
      messageBytesMax,
      host: config.hostname,
    });
    await using to = await store.openAccount(into);
    return await copyMessages(from, to, copy);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Only root can, and nobody else needs it. */
export function giveToOwnerOf(owner: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = lstatSync(owner);
  chownSync(path, uid, gid);
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    chownSync(join(entry.parentPath, entry.name), uid, gid);
  }
}
