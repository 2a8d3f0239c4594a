import { Command } from "commander";
import { administer } from "../administration.ts";
import { asking, lookForAccount } from "../asking.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

/** `posthouse apop-secret`: what POP3 programs log in with that know APOP and neither TLS nor SASL. */
export function apopSecretCommand(): Command {
  const apopSecret = new Command("apop-secret").description(
    "secrets for old POP3 programs that know APOP alone, kept readable on this server",
  );
  for (const command of [makeCommand(), removeCommand(), listCommand()]) {
    apopSecret.addCommand(command);
  }
  return apopSecret;
}

const makeCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("make")
        .description("let an account log in with APOP, and show its secret once")
        .argument("<address>"),
    ).action(async (address: string, options: SourceOptions) => {
      const secret = await administer(options, (admin) => admin.makeApopSecret(address));
      print(secret);
      print(
        `WARNING: APOP needs this secret readable on the server. Whoever reads auth's secrets.sqlite, or a backup of it, can fetch the mail of ${address} by POP3 with it; and the mail goes over the network as anybody can read it, where the program uses no TLS.`,
      );
      print(
        "It is not the account's password, and logs in to nothing but POP3 with APOP, where pop3.apop is true. Better, if the program can do it: TLS and an app password.",
      );
    }),
    ["apop-secret make ann@example.org"],
  );

const removeCommand = () =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("remove")
          .description("end APOP for an account, and forget its secret")
          .argument("<address>"),
      ),
      ({ args: [address] }) => `Forget the secret of ${address} for APOP, for good?`,
      lookForAccount,
    ).action(async (address: string, options: SourceOptions) => {
      await administer(options, (admin) => admin.removeApopSecret(address));
      print(`${address} has no secret for APOP any more`);
    }),
    ["apop-secret remove ann@example.org", "apop-secret remove ann@example.org --yes"],
  );

const listCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(new Command("list").description("list accounts that may log in with APOP")),
    ).action(async (options: SourceOptions & { json?: boolean }) => {
      const found = await administer(options, (admin) => admin.listApopSecrets());
      const rows = found.map(({ address, createdMs }) => ({
        address,
        created: new Date(createdMs).toISOString(),
      }));
      printRows(rows, {
        ...options,
        columns: { address: "Account", created: "Made" },
        whenEmpty: "No account may log in with APOP",
      });
    }),
    ["apop-secret list", "apop-secret list --json"],
  );
