import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { connectAuth } from "@posthouse/accounts";
import { createResolver } from "@posthouse/dns";
import { Command } from "commander";
import { administer } from "../administration.ts";
import { asking, lookForAccount } from "../asking.ts";
import { CommandFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { noAccount } from "../mail-of.ts";
import { print, printRows } from "../output.ts";
import {
  configOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";

/** `posthouse account webhook`: which web server is told of an account's new mail. */
export function webhookCommand(): Command {
  const webhook = new Command("webhook").description("a web server that is told of new mail");
  for (const command of [
    setCommand(),
    listCommand(),
    showCommand(),
    testCommand(),
    removeCommand(),
  ]) {
    webhook.addCommand(command);
  }
  return webhook;
}

const setCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("set")
        .description("tell this web server, with a secret that is made the first time")
        .argument("<address>")
        .argument("<url>", "https://…"),
    ).action(async (address: string, url: string, options: SourceOptions) => {
      const made = await administer(options, (admin) => admin.setWebhook(address, url));
      print(made.secret);
      print(`${made.url} is told of each message that is delivered to ${address} from now on.`);
      print(
        "The secret above goes into the web server: docs/notify.md says how it checks with it.",
      );
    }),
    ["account webhook set ann@example.org https://hooks.example.org/mail"],
  );

const listCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("list").description("whose mail a web server is told of").argument("[domain]"),
      ),
    ).action(async (domain: string | undefined, options: SourceOptions & { json?: boolean }) => {
      const rows = await administer(options, async (admin) => {
        const accounts = await admin.listAccounts(domain);
        const found: { readonly address: string; readonly url: string }[] = [];
        for (const { address, hasWebhook } of accounts) {
          const webhook = hasWebhook === true ? await admin.webhook(address) : undefined;
          if (webhook !== undefined) found.push({ address, url: webhook.url });
        }
        return found;
      });
      printRows(rows, {
        ...options,
        columns: { address: "Account", url: "Is told at" },
        whenEmpty: "No web server is told: posthouse account webhook set <address> <url>",
      });
    }),
    ["account webhook list", "account webhook list example.org --json"],
  );

const testCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("test")
        .description('tell it something of type "test", once, and say what it answered')
        .argument("<address>"),
    ).action(async (address: string, options: SourceOptions) => {
      const { auth, smtpOut } = configOf(options);
      const { testWebhook } = await import("../webhook-test.ts");
      const resolver = createResolver({ servers: smtpOut.dnsServers });
      try {
        const said = await administer(options, async () => {
          await using asked = connectAuth({ socketPath: auth.socketPath });
          const account = await asked.findAccount(address);
          if (account === undefined) throw noAccount(address);
          return await testWebhook(account, asked, {
            resolver,
            arePrivateAddressesAllowed: smtpOut.privateDestinations,
            ...(smtpOut.tlsCaFile !== undefined && {
              ca: [...rootCertificates, readFileSync(smtpOut.tlsCaFile, "utf8")].join("\n"),
            }),
          });
        });
        print(said);
      } finally {
        resolver.close();
      }
    }),
    ["account webhook test ann@example.org"],
  );

const showCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("show").description("which one is told, and the secret").argument("<address>"),
      ),
    ).action(async (address: string, options: SourceOptions & { json?: boolean }) => {
      const webhook = await administer(options, (admin) => admin.webhook(address));
      if (options.json === true) print(JSON.stringify(webhook ?? null));
      else if (webhook === undefined) throw new CommandFailure(`${address} has no webhook`);
      else print(`${webhook.url}\n${webhook.secret}`);
    }),
    ["account webhook show ann@example.org"],
  );

const removeCommand = () =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("remove")
          .description("tell it nothing more, and forget the secret")
          .argument("<address>"),
      ),
      ({ args: [address] }) => `Tell nobody of mail to ${address}, and forget the secret?`,
      lookForAccount,
    ).action(async (address: string, options: SourceOptions) => {
      await administer(options, (admin) => admin.removeWebhook(address));
      print(`Nobody is told of mail to ${address} any more`);
    }),
    ["account webhook remove ann@example.org", "account webhook remove ann@example.org --yes"],
  );
