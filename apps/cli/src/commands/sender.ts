import { Command } from "commander";
import { administer } from "../administration.ts";
import { asking, lookForAccount } from "../asking.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

/** `posthouse sender`: as whom an account may send, beside its own addresses. */
export function senderCommand(): Command {
  const sender = new Command("sender").description(
    "as whom an account may send, beside its own address and its aliases",
  );
  for (const command of [grantCommand(), listCommand(), revokeCommand()]) {
    sender.addCommand(command);
  }
  return sender;
}

const grantCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("grant")
        .description("let an account send as an address; @domain is every address there")
        .argument("<account>")
        .argument("<address>"),
    ).action(async (account: string, address: string, options: SourceOptions) => {
      await administer(options, (admin) => admin.grantSender(account, address));
      print(`${account} may send as ${address}`);
    }),
    [
      "sender grant ann@example.org office@example.org",
      "sender grant newsletter@example.org @example.org",
    ],
  );

const listCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("list").description("what an account was granted").argument("<account>"),
      ),
    ).action(async (account: string, options: SourceOptions & { json?: boolean }) => {
      const granted = await administer(options, (admin) => admin.listSenderGrants(account));
      printRows(
        granted.map((address) => ({ address })),
        {
          ...options,
          columns: { address: "May send as" },
          whenEmpty: `${account} sends as its own address and its aliases`,
        },
      );
    }),
    ["sender list ann@example.org", "sender list ann@example.org --json"],
  );

const revokeCommand = () =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("revoke")
          .description("take back a grant")
          .argument("<account>")
          .argument("<address>"),
      ),
      ({ args: [account, address] }) => `Let ${account} no longer send as ${address}?`,
      lookForAccount,
    ).action(async (account: string, address: string, options: SourceOptions) => {
      await administer(options, (admin) => admin.revokeSender(account, address));
      print(`${account} may no longer send as ${address}`);
    }),
    [
      "sender revoke ann@example.org office@example.org",
      "sender revoke ann@example.org office@example.org --yes",
    ],
  );
