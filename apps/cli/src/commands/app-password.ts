import type { LoginProtocol } from "@posthouse/accounts";
import { Command, Option } from "commander";
import { administer } from "../administration.ts";
import { asking, lookForAccount } from "../asking.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

/** `posthouse app-password`: passwords for one program each. */
export function appPasswordCommand(): Command {
  const appPassword = new Command("app-password").description(
    "passwords for one mail program or device each, which are made here and can be revoked alone",
  );
  for (const command of [addCommand(), listCommand(), revokeCommand()]) {
    appPassword.addCommand(command);
  }
  return appPassword;
}

const scopes = [
  "imap",
  "pop3",
  "submission",
  "managesieve",
] as const satisfies readonly LoginProtocol[];

interface AddOptions extends SourceOptions {
  readonly scope: readonly LoginProtocol[];
  readonly json?: boolean;
}

const addCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("add")
          .description("make an app password, and show it once")
          .argument("<address>")
          .argument("<name>", 'whose it is, such as "Ann\'s telephone"')
          .addOption(
            new Option("--scope <protocol...>", "what it logs in to")
              .choices(scopes)
              .default(["imap", "submission"]),
          ),
      ),
    ).action(async (address: string, name: string, options: AddOptions) => {
      const made = await administer(options, (admin) =>
        admin.addAppPassword({ address, name, scopes: options.scope }),
      );
      if (options.json) return print(JSON.stringify(made, null, 2));
      print(made.password);
      print(
        `For ${options.scope.join(" and ")} of ${address}. It cannot be shown again; if it is lost, revoke it and make another`,
      );
    }),
    [
      'app-password add ann@example.org "Ann\'s telephone"',
      "app-password add ann@example.org scanner --scope submission",
    ],
  );

const listCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("list").description("list app passwords of an account").argument("<address>"),
      ),
    ).action(async (address: string, options: SourceOptions & { json?: boolean }) => {
      const found = await administer(options, (admin) => admin.listAppPasswords(address));
      const rows = found.map(({ createdMs, lastUse, ...rest }) => ({
        ...rest,
        created: new Date(createdMs).toISOString(),
        lastUsed: lastUse && new Date(lastUse.atMs).toISOString(),
        lastUsedFor: lastUse?.protocol,
        lastUsedFrom: lastUse?.remoteAddress,
      }));
      printRows(rows, {
        ...options,
        columns: {
          name: "Name",
          scopes: "Logs in to",
          created: "Made",
          lastUsed: "Last used",
          lastUsedFor: "for",
          lastUsedFrom: "from",
          id: "Id",
        },
        whenEmpty: `There is none: posthouse app-password add ${address} <name>`,
      });
    }),
    ["app-password list ann@example.org", "app-password list ann@example.org --json"],
  );

const revokeCommand = () =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("revoke")
          .description("end an app password; no login works with it from then on")
          .argument("<address>")
          .argument("<name>", "its name or its id"),
      ),
      ({ args: [address, which] }) => `Revoke the app password "${which}" of ${address}, for good?`,
      lookForAccount,
    ).action(async (address: string, which: string, options: SourceOptions) => {
      await administer(options, (admin) => admin.revokeAppPassword(address, which));
      print(`Revoked the app password "${which}" of ${address}`);
    }),
    [
      'app-password revoke ann@example.org "Ann\'s telephone"',
      "app-password revoke ann@example.org scanner --yes",
    ],
  );
