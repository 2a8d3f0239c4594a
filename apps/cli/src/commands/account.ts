import type { Compression, MailboxFormat } from "@posthouse/accounts";
import { Argument, Command, Option } from "commander";
import { administer } from "../administration.ts";
import { becomeOwnerOf } from "../become-owner.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import { readPassword } from "../password-input.ts";
import { parseSize } from "../size.ts";
import {
  configOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";
import { exportCommand, importCommand } from "./account-mail.ts";

/** `posthouse account`: who has a mailbox here. */
export function accountCommand(): Command {
  const account = new Command("account").description("the people who have their mail here");
  for (const command of [
    addCommand(),
    listCommand(),
    passwdCommand(),
    compressionCommand(),
    appPasswordsOnlyCommand(),
    exportCommand(),
    importCommand(),
    removeCommand(),
  ]) {
    account.addCommand(command);
  }
  return account;
}

interface AddOptions extends SourceOptions {
  readonly quota?: string;
  readonly compression?: Compression;
  readonly format?: MailboxFormat;
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
        ),
    ).action(async (address: string, options: AddOptions) => {
      const quotaBytes = options.quota === undefined ? undefined : parseSize(options.quota);
      const password = await readPassword(`Password for ${address}`);
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

const listCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(new Command("list").description("list accounts").argument("[domain]")),
    ).action(async (domain: string | undefined, options: SourceOptions & { json?: boolean }) => {
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
          id: "Id",
        },
        whenEmpty: "There is no account yet: posthouse account add <address>",
      });
    }),
    ["account list", "account list example.org --json"],
  );

const passwdCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("passwd")
        .description("set a password; asked for, or read from standard input")
        .argument("<address>"),
    ).action(async (address: string, options: SourceOptions) => {
      const password = await readPassword(`New password for ${address}`);
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

interface RemoveOptions extends SourceOptions {
  readonly deleteMail?: boolean;
}

const removeCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("remove")
        .description("remove an account; its mail stays on disk unless --delete-mail")
        .argument("<address>")
        .option("--delete-mail", "delete its mail too, for good"),
    ).action(async (address: string, options: RemoveOptions) => {
      const { account, removedAliases } = await administer(options, (admin) =>
        admin.removeAccount(address),
      );
      print(`Removed the account ${account.address}`);
      for (const alias of removedAliases)
        print(`Removed the alias ${alias}, which led nowhere else`);
      if (options.deleteMail !== true) {
        print(
          "Its mail stays on disk. A new account of the same address is somebody else, and does not get it unless you remove the file posthouse-account beside it",
        );
        return;
      }
      const config = configOf(options);
      becomeOwnerOf(config.paths.mail);
      const { openStoreOf } = await import("../mail-store.ts");
      await using store = await openStoreOf(config);
      await store.removeAccount(account);
      print("Deleted its mail");
    }),
    ["account remove ann@example.org", "account remove ann@example.org --delete-mail"],
  );
