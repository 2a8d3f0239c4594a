import type { Compression, MailboxFormat } from "@posthouse/accounts";
import { Argument, Command, Option } from "commander";
import { administer } from "../administration.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import { readNewPassword } from "../password-input.ts";
import { parseSize } from "../size.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";
import {
  disableCommand,
  enableCommand,
  loginsCommand,
  quotaCommand,
  removeCommand,
  restoreCommand,
  retentionCommand,
} from "./account-life.ts";
import { exportCommand, importCommand } from "./account-mail.ts";
import { renameCommand } from "./rename.ts";
import { webhookCommand } from "./webhook.ts";

/** `posthouse account`: who has a mailbox here. */
export function accountCommand(): Command {
  const account = new Command("account").description("the people who have their mail here");
  for (const command of [
    addCommand(),
    listCommand(),
    passwdCommand(),
    compressionCommand(),
    appPasswordsOnlyCommand(),
    quotaCommand(),
    retentionCommand(),
    loginsCommand(),
    webhookCommand(),
    disableCommand(),
    enableCommand(),
    renameCommand(),
    exportCommand(),
    importCommand(),
    removeCommand(),
    restoreCommand(),
  ]) {
    account.addCommand(command);
  }
  return account;
}

interface AddOptions extends SourceOptions {
  readonly quota?: string;
  readonly compression?: Compression;
  readonly format?: MailboxFormat;
  readonly weak?: boolean;
}

const compressions = ["zstd", "none"] as const satisfies readonly Compression[];
const formats = ["maildir", "mbox"] as const satisfies readonly MailboxFormat[];

const addCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("add")
        .description("make an account; the password is asked for, or read from standard input")
        .argument("<address>")
        .option("--quota <size>", "the most it may store, such as 500M or 10G")
        .addOption(
          new Option("--compression <how>", "how its messages are stored").choices(compressions),
        )
        .addOption(
          new Option("--format <format>", "what its mailboxes are on disk, for good").choices(
            formats,
          ),
        )
        .option("--weak", "take a password that is easily guessed"),
    ).action(async (address: string, options: AddOptions) => {
      const quotaBytes = options.quota === undefined ? undefined : parseSize(options.quota);
      const password = await readNewPassword(`Password for ${address}`, { ...options, address });
      const { compression, format } = options;
      const added = await administer(options, (admin) =>
        admin.addAccount({
          address,
          password,
          ...(quotaBytes !== undefined && { quotaBytes }),
          ...(compression !== undefined && { compression }),
          ...(format !== undefined && { format }),
        }),
      );
      print(`Added the account ${added.address}`);
    }),
    [
      "account add ann@example.org",
      "account add ann@example.org --quota 10G < password.txt",
      "account add bob@example.org --format mbox",
    ],
  );

interface ListOptions extends SourceOptions {
  readonly json?: boolean;
  readonly removed?: boolean;
}

const listCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("list")
          .description("list accounts")
          .argument("[domain]")
          .option("--removed", "those that were removed and can be restored"),
      ),
    ).action(async (domain: string | undefined, options: ListOptions) => {
      if (options.removed === true) return listRemoved(options);
      const rows = await administer(options, (admin) => admin.listAccounts(domain));
      printRows(rows, {
        ...options,
        columns: {
          address: "Address",
          quotaBytes: "Quota (bytes)",
          compression: "Compression",
          format: "Format",
          hasPassword: "Password set",
          appPasswordsOnly: "App passwords only",
          disabled: "Disabled",
          movingTo: "Becoming",
          id: "Id",
        },
        whenEmpty: "There is no account yet: posthouse account add <address>",
      });
    }),
    ["account list", "account list example.org --json", "account list --removed"],
  );

async function listRemoved(options: ListOptions): Promise<void> {
  const removed = await administer(options, (admin) => admin.listRemoved());
  const rows = removed.map(({ untilMs, ...account }) => ({
    ...account,
    until: new Date(untilMs).toISOString().slice(0, 10),
  }));
  printRows(rows, {
    ...options,
    columns: { address: "Address", until: "Can be restored until", id: "Id" },
    whenEmpty: "No account was removed lately",
  });
}

const passwdCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("passwd")
        .description("set a password; asked for, or read from standard input")
        .argument("<address>")
        .option("--weak", "take a password that is easily guessed"),
    ).action(async (address: string, options: SourceOptions & { weak?: boolean }) => {
      const password = await readNewPassword(`New password for ${address}`, {
        ...options,
        address,
      });
      await administer(options, (admin) => admin.setPassword(address, password));
      print(`Changed the password of ${address}; it holds from now on`);
    }),
    ["account passwd ann@example.org", "pwgen -s 20 1 | posthouse account passwd ann@example.org"],
  );

const compressionCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("compression")
        .description("how messages that come from now on are stored; the others stay as they are")
        .argument("<address>")
        .addArgument(new Argument("<how>").choices(compressions)),
    ).action(async (address: string, compression: Compression, options: SourceOptions) => {
      const account = await administer(options, (admin) =>
        admin.setCompression(address, compression),
      );
      const how = compression === "zstd" ? "compressed with zstd" : "as they are";
      print(`Messages of ${account.address} that come from now on are stored ${how}`);
    }),
    ["account compression ann@example.org zstd", "account compression ann@example.org none"],
  );

const appPasswordsOnlyCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("app-passwords-only")
        .description(
          "whether mail programs need app passwords, and the account's own is not for them",
        )
        .argument("<address>")
        .addArgument(new Argument("<yes-or-no>").choices(["yes", "no"])),
    ).action(async (address: string, answer: string, options: SourceOptions) => {
      const account = await administer(options, (admin) =>
        admin.setAppPasswordsOnly(address, answer === "yes"),
      );
      print(
        answer === "yes"
          ? `Mail programs of ${account.address} need an app password from now on: posthouse app-password add ${account.address} <name>`
          : `Mail programs of ${account.address} may log in with its own password again`,
      );
    }),
    [
      "account app-passwords-only ann@example.org yes",
      "account app-passwords-only ann@example.org no",
    ],
  );
