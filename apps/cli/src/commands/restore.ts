import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { configFileOf, exitCodes, loadConfig } from "@posthouse/service";
import { Command } from "commander";
import { asking, type Typed } from "../asking.ts";
import {
  findSnapshot,
  objectOctets,
  openRepository,
  type Repository,
  readList,
  type Snapshot,
} from "../backup/repository.ts";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";
import { writeDurably } from "../durable-file.ts";
import { withExamples } from "../examples.ts";
import { findAccount, noAccount } from "../mail-of.ts";
import { print, printRows } from "../output.ts";
import { showProgress } from "../progress.ts";
import { configSourceOf, type SourceOptions, withSourceOptions } from "../source-options.ts";

interface RestoreOptions extends SourceOptions {
  readonly snapshot?: string;
  readonly mailbox?: string;
  readonly message?: string;
  readonly to?: string;
  readonly beside?: boolean;
  readonly dryRun?: boolean;
}

/** `posthouse restore`: from a backup, one message or all. */
export const restoreCommand = (): Command =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("restore")
          .description("bring mail back from a backup: what an account has already is left alone")
          .argument("<directory>", "where the backups are")
          .argument("[address]", "whose mail")
          .option("--snapshot <name>", "from that backup; the newest when absent")
          .option("--mailbox <name>", "only this mailbox and those below it")
          .option("--message <id>", "only messages with this Message-ID")
          .option("--to <address>", "into another account")
          .option("--beside", 'into mailboxes below "Restored", beside those that are there')
          .option("--dry-run", "say what would come back; change nothing")
          .option("--everything", "all accounts, keys and secrets, into an empty data directory"),
      ),
      question,
    ).action(restore),
    [
      "restore /mnt/backup ann@example.org --mailbox Projects --dry-run",
      "restore /mnt/backup ann@example.org --mailbox Projects",
      "restore /mnt/backup ann@example.org --message '<1234@example.net>'",
      "restore /mnt/backup ann@example.org --beside --snapshot 2026-11-29T03-00-00Z",
      "restore /mnt/backup --everything --yes",
    ],
  );

function question({ args: [path = "", address], options }: Typed): string | undefined {
  const { everything, dryRun, to = address } = options;
  if ((everything === true) === (address !== undefined)) {
    throw usageFailure("Name the account whose mail is to come back, or say --everything");
  }
  if (everything === true && dryRun === true) {
    throw usageFailure("--dry-run goes with an account, not with --everything");
  }
  const named = options.snapshot === undefined ? undefined : String(options.snapshot);
  findSnapshot(openRepository(resolve(path)), named);
  const which = `the ${named ?? "newest"} backup in ${path}`;
  if (everything === true)
    return `Bring back everything of ${which}, into an empty data directory?`;
  return dryRun === true ? undefined : `Bring mail of ${address} from ${which} into ${String(to)}?`;
}

async function restore(
  path: string,
  address: string | undefined,
  options: RestoreOptions,
): Promise<void> {
  const repository = openRepository(resolve(path));
  const snapshot = findSnapshot(repository, options.snapshot);
  if (address === undefined) await everything(repository, snapshot, options);
  else await oneAccount(repository, snapshot, address, options);
}

async function oneAccount(
  repository: Repository,
  snapshot: Snapshot,
  address: string,
  options: RestoreOptions,
): Promise<void> {
  // Loads the store, which other commands do without.
  const { hasMailOf, restoreAccount } = await import("../backup/restore-account.ts");
  const into = await findAccount(options, options.to ?? address);
  if (into === undefined) {
    const isGone = options.to === undefined && hasMailOf(snapshot, address);
    if (!isGone) throw noAccount(options.to ?? address);
    throw new CommandFailure(
      `There is no account ${address} now: name the one that its mail goes into, such as its new address, with --to`,
    );
  }
  const { mailbox, message, beside } = options;
  const progress = showProgress("messages");
  const results = await restoreAccount({
    repository,
    snapshot,
    config: loadConfig(configSourceOf(options)),
    address: options.to === undefined ? into.address : address.toLowerCase(),
    into,
    copy: {
      isDry: options.dryRun === true,
      onProgress: (copied) => progress(copied),
      ...(mailbox !== undefined && { mailbox }),
      ...(message !== undefined && { messageId: `<${message.replace(/^<|>$/g, "")}>` }),
      ...(beside === true && {
        nameIn: (name) => `Restored/${snapshot.name.slice(0, 10)}/${name}`,
      }),
    },
  });
  printRows(results, {
    columns: {
      mailbox: "Mailbox",
      copied: options.dryRun === true ? "Would come back" : "Came back",
      there: "Was there",
    },
    whenEmpty: `The backup ${snapshot.name} has no ${message === undefined ? "" : "such "}message of ${address}`,
  });
  if (results.length === 0) process.exitCode = exitCodes.failed;
}

async function everything(
  repository: Repository,
  snapshot: Snapshot,
  options: RestoreOptions,
): Promise<void> {
  const source = configSourceOf(options);
  const { restoreEverything } = await import("../backup/restore-everything.ts");
  putConfig(repository, snapshot, configFileOf(source));
  const { accounts } = await restoreEverything({
    repository,
    snapshot,
    config: loadConfig(source),
    onAccount: showProgress("accounts"),
  });
  print(
    `Mail of ${counted(accounts, "account")}, and all that makes this host, came back as they were at ${snapshot.startedAt}. Start the servers, and look: posthouse doctor`,
  );
}

/** The machine's own file wins: the new machine may have another address or disk. */
function putConfig(repository: Repository, snapshot: Snapshot, path: string): void {
  if (existsSync(path)) return;
  const file = readList(repository, snapshot, "host.jsonl").find(
    (one) => one.kind === "f" && one.path === "posthouse.toml",
  );
  if (file?.kind !== "f") return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  writeDurably(path, objectOctets(repository, file).toString("utf8"));
  chmodSync(path, file.mode);
  print(`Wrote ${path} as it was`);
}
