import { chmodSync, lutimesSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { restoredPlainFile } from "@posthouse/mailbox-store/backup";
import {
  type Listed,
  type ListedFile,
  objectOctets,
  putObject,
  type Repository,
} from "./repository.ts";

/** Plain files of the store are short; an mbox and a message may be long. */
const isLong = ({ path }: ListedFile): boolean =>
  /(?:^|\/)(?:cur|new)\/[^/]*$/.test(path) || /(?:^|\/)mbox$/.test(path);

/**
 * Writes the files of an account into `target`, each checked on its way. The index is made anew from
 * them, and no UID that a client has seen comes again: restoredPlainFile().
 *
 * @throws CommandFailure
 */
export function putAccount(
  repository: Repository,
  listed: readonly Listed[],
  target: string,
  isWanted: (file: ListedFile) => boolean = () => true,
): void {
  for (const one of listed) {
    const path = join(target, one.path);
    if (one.kind === "d") {
      mkdirSync(path, { recursive: true });
      chmodSync(path, 0o2770);
      continue;
    }
    if (!isWanted(one)) continue;
    if (isLong(one)) putObject(repository, one, path);
    else writeFileSync(path, restoredPlainFile(basename(one.path), objectOctets(repository, one)));
    chmodSync(path, 0o660);
    // The date of a message's file is its INTERNALDATE.
    lutimesSync(path, one.mtimeMs / 1000, one.mtimeMs / 1000);
  }
}
