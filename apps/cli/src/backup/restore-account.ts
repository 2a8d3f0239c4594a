import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Account } from "@posthouse/accounts";
import { accountPlaceOf } from "@posthouse/mailbox-store";
import type { Config } from "@posthouse/service";
import { CommandFailure } from "../command-failure.ts";
import type { CopyOptions, CopyResult } from "../mail-copy.ts";
import { copyStaged, withStaging } from "../mail-staging.ts";
import { putAccount } from "./put-account.ts";
import { type Repository, readList, type Snapshot } from "./repository.ts";

/** The list of an account's mail in a snapshot. */
function mailListOf(address: string): string {
  const { domain, localPart } = accountPlaceOf(address);
  return `mail/${domain}/${localPart}.jsonl`;
}

export const hasMailOf = ({ lists }: Snapshot, address: string): boolean =>
  lists[mailListOf(address)] !== undefined;

/**
 * Brings messages of a backup into an account that is in use. They come through the store, as if a client
 * stored them: nobody has to be stopped, and no UID is given twice.
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
  const { domain, localPart } = accountPlaceOf(address);
  if (!hasMailOf(snapshot, address)) {
    throw new CommandFailure(
      `The backup ${snapshot.name} has no mail of ${address}. Where the account had another address then, name that one, and --to ${into.address}`,
    );
  }
  return await withStaging(config, async (directory) => {
    const path = join(directory, domain, localPart);
    mkdirSync(path, { recursive: true });
    const listed = readList(repository, snapshot, mailListOf(address));
    // Whose it was does not matter here, and would keep it from being opened.
    putAccount(repository, listed, path, (file) => file.path !== "posthouse-account");
    return await copyStaged({ config, directory, address, into, copy });
  });
}
