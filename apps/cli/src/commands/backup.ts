import { resolve } from "node:path";
import { configFileOf, loadConfig } from "@posthouse/service";
import { Command } from "commander";
import { asking } from "../asking.ts";
import { forgetBackups } from "../backup/forget-backups.ts";
import { findSnapshot, lockRepository, openRepository, snapshotsOf } from "../backup/repository.ts";
import { verifyBackup } from "../backup/verify-backup.ts";
import { usageFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";
import { withExamples } from "../examples.ts";
import { harmless, print, printRows } from "../output.ts";
import { showProgress } from "../progress.ts";
import {
  configSourceOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";
import { version } from "../version.ts";

/** `posthouse backup`: copies of everything that cannot be made again. */
export function backupCommand(): Command {
  const backup = new Command("backup").description(
    "copies of mail, accounts, keys and configuration",
  );
  backup.addCommand(
    withExamples(
      asking(
        withSourceOptions(
          new Command("create")
            .description("add a backup to a directory while all runs; only what is new is copied")
            .argument("<directory>", "on another disk, or mounted from another machine")
            .option("--keep <n>", "then remove all but the newest n", countOf),
        ),
        ({ args: [directory], options: { keep } }) =>
          keep === undefined
            ? undefined
            : `Afterwards remove all but the newest ${keep === 1 ? "backup" : `${String(keep)} backups`} in ${directory}?`,
      ).action(create),
      ["backup create /mnt/backup", "backup create /mnt/backup --keep 30 --yes"],
    ),
  );
  backup.addCommand(
    withExamples(
      withJsonOption(
        new Command("list").description("list the backups in a directory").argument("<directory>"),
      ).action(list),
      ["backup list /mnt/backup", "backup list /mnt/backup --json"],
    ),
  );
  backup.addCommand(
    withExamples(
      new Command("verify")
        .description("read a backup whole, and say what is damaged; exit code 1 when something is")
        .argument("<directory>")
        .option("--snapshot <name>", "that one; the newest when absent")
        .option("--all", "every one")
        .action(verify),
      ["backup verify /mnt/backup", "backup verify /mnt/backup --all"],
    ),
  );
  return backup;
}

async function create(
  path: string,
  options: SourceOptions & { readonly keep?: number },
): Promise<void> {
  // Loads the store, which other commands do without.
  const { createBackup } = await import("../backup/create-backup.ts");
  const { keep } = options;
  const source = configSourceOf(options);
  const directory = resolve(path);
  const repository = openRepository(directory, { make: true });
  using _lock = lockRepository(repository);
  const progress = showProgress("accounts");
  const { snapshot, newFiles, newBytes } = createBackup({
    config: loadConfig(source),
    configFile: configFileOf(source),
    directory,
    version: version(),
    onAccount: progress,
  });
  print(
    `${snapshot.name}: mail of ${counted(snapshot.accounts, "account")}, ${counted(snapshot.files, "file")}, ${counted(snapshot.bytes, "byte")}; new: ${counted(newFiles, "file")}, ${counted(newBytes, "byte")}, read back and well`,
  );
  if (keep === undefined) return;
  const removed = forgetBackups(repository, keep);
  if (removed.snapshots > 0) {
    print(
      `Removed ${counted(removed.snapshots, "older backup")} and ${counted(removed.objects, "file")} that none needs`,
    );
  }
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw usageFailure(`"${text}" is not a number of backups to keep`);
}

function list(directory: string, options: { readonly json?: boolean }): void {
  const rows = snapshotsOf(openRepository(resolve(directory))).map(
    ({ name, hostname, accounts, files, bytes, version: by }) => ({
      name,
      hostname,
      accounts,
      files,
      bytes,
      version: by,
    }),
  );
  printRows(rows, {
    ...options,
    columns: {
      name: "Backup",
      hostname: "Of",
      accounts: "Accounts",
      files: "Files",
      bytes: "Bytes",
      version: "By version",
    },
    whenEmpty: "There is no complete backup",
  });
}

function verify(
  directory: string,
  options: { readonly snapshot?: string; readonly all?: boolean },
): void {
  const repository = openRepository(resolve(directory));
  const snapshots =
    options.all === true ? snapshotsOf(repository) : [findSnapshot(repository, options.snapshot)];
  const { objects, problems } = verifyBackup(repository, snapshots);
  for (const problem of problems) print(harmless(problem));
  if (problems.length > 0) process.exitCode = 1;
  else
    print(
      `${snapshots.map(({ name }) => name).join(", ")}: ${counted(objects, "file was read and is well", "files were read and are well")}`,
    );
}
