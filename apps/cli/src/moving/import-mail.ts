import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Account } from "@posthouse/accounts";
import { type AdoptionOptions, adoptMail, planAdoption } from "@posthouse/mailbox-store/adopt";
import type { Config } from "@posthouse/service";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import type { CopyOptions, CopyResult } from "../mail-copy.ts";
import { copyStaged, STAGED_ID, withStaging } from "../mail-staging.ts";

export interface Imported {
  readonly results: readonly CopyResult[];
  /** What cannot be kept, or should be known. */
  readonly remarks: readonly string[];
}

/**
 * Copies the mail of a Maildir, of a directory of mbox files or of one mbox file into an account in use;
 * the source is only read. What the account has already is passed over, so that it can be run again.
 *
 * @throws CommandFailure, StoreError
 */
export async function importMail(options: {
  readonly config: Config;
  readonly source: string;
  readonly into: Account;
  readonly copy: CopyOptions;
  /** The mbox file of Google Takeout. */
  readonly isTakeout?: boolean;
}): Promise<Imported> {
  const { config, source, into, copy } = options;
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) throw new CommandFailure(`There is no "${source}"`);
  if (options.isTakeout === true && stat.isDirectory()) {
    throw usageFailure(
      '--takeout is for one mbox file, such as "All mail Including Spam and Trash.mbox"',
    );
  }
  return await withStaging(config, async (directory) => {
    const mailDirectory = join(directory, "mail");
    const empty = join(directory, "empty");
    for (const path of [mailDirectory, empty]) mkdirSync(path, { mode: 0o770 });
    const adoption: AdoptionOptions = {
      mailDirectory,
      account: { id: STAGED_ID, address: into.address },
      mode: "copy",
      isForCopy: true,
      // One mbox is an INBOX without any other mailbox.
      ...(stat.isDirectory() ? { source } : { source: empty, inbox: source }),
    };
    const { obstacles, remarks } = await planAdoption(adoption);
    if (obstacles.length > 0) {
      throw new CommandFailure(`It cannot be imported: ${obstacles.join("; ")}`);
    }
    await adoptMail(adoption);
    const results = await copyStaged({
      config,
      directory: mailDirectory,
      address: into.address,
      into,
      copy,
      ...(options.isTakeout === true && { isTakeout: true }),
    });
    // INBOX is only what one mbox is called here; where it goes is in the results.
    const isAboutFile = (remark: string) => remark.replaceAll('"INBOX"', `"${source}"`);
    return { results, remarks: stat.isDirectory() ? remarks : remarks.map(isAboutFile) };
  });
}
