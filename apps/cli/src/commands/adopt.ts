import type { MailboxFormat } from "@posthouse/mailbox-store";
import type { Adoption, AdoptionOptions } from "@posthouse/mailbox-store/adopt";
import { Command, Option } from "commander";
import { administer } from "../administration.ts";
import { asking, lookForAccount } from "../asking.ts";
import { usageFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";
import { withExamples } from "../examples.ts";
import { accountOf, withMailOf } from "../mail-of.ts";
import { harmless, print, printRows } from "../output.ts";
import {
  configOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";

interface AdoptOptions extends SourceOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly link?: boolean;
  readonly move?: boolean;
  readonly separator?: "/" | ".";
  readonly prefix?: string;
  readonly encoding?: "modified-utf-7" | "utf-8";
  readonly inbox?: string;
  readonly format?: MailboxFormat;
}

/** `posthouse mailbox adopt`: moving in from Dovecot, Courier, any Maildir or mbox files. */
export const adoptCommand = (): Command =>
  withExamples(
    asking(
      withJsonOption(
        withSourceOptions(
          new Command("adopt")
            .description("take over a Maildir or mbox files, with their UIDs, flags and dates")
            .argument("<address>")
            .argument(
              "<directory>",
              'the Maildir, which holds "cur", "new" and "tmp"; or the directory of mbox files, or one such file',
            )
            .option("--inbox <file>", "the mbox that is INBOX, where it is not in the directory")
            .addOption(
              new Option("--format <name>", "of what were mbox files").choices(["maildir", "mbox"]),
            )
            .option("--dry-run", "say what would be done and what cannot be kept, and do nothing")
            .option("--link", "hard-link messages instead of copying them")
            .option("--move", "remove the old tree when the new one is on disk")
            .addOption(
              new Option(
                "--separator <character>",
                "between levels of names, as clients are used to",
              ).choices(["/", "."]),
            )
            .option("--prefix <text>", "in front of every name but INBOX, such as INBOX.")
            .addOption(
              new Option("--encoding <name>", "of folder names on disk").choices([
                "modified-utf-7",
                "utf-8",
              ]),
            ),
        ),
      ),
      ({ args: [, directory], options: { move, link, dryRun } }) => {
        if (link === true && move === true) {
          throw usageFailure("--link leaves the old tree, --move removes it: choose one");
        }
        return move === true && dryRun !== true
          ? `Remove the old tree ${directory} as soon as the new one is on disk?`
          : undefined;
      },
      lookForAccount,
    ).action(adopt),
    [
      "mailbox adopt ann@example.org /var/vmail/example.org/ann/Maildir --dry-run",
      "mailbox adopt ann@example.org /home/ann/Maildir --move --yes --separator / --prefix ''",
      "mailbox adopt ann@example.org /home/ann/mail --inbox /var/mail/ann --dry-run",
    ],
  );

async function adopt(address: string, directory: string, options: AdoptOptions): Promise<void> {
  const account = await accountOf(options, address);
  const request: AdoptionOptions = {
    mailDirectory: configOf(options).paths.mail,
    account,
    source: directory,
    mode: options.move === true ? "move" : options.link === true ? "link" : "copy",
    ...(options.separator !== undefined && { separator: options.separator }),
    ...(options.prefix !== undefined && { prefix: options.prefix }),
    ...(options.encoding !== undefined && { encoding: options.encoding }),
    ...(options.inbox !== undefined && { inbox: options.inbox }),
    ...(options.format !== undefined && { format: options.format }),
  };
  const { adoptMail, planAdoption } = await import("@posthouse/mailbox-store/adopt");
  const plan = await planAdoption(request);
  tell(plan, options);
  if (plan.obstacles.length > 0) {
    process.exitCode = 1;
    return;
  }
  if (options.dryRun === true) {
    say(options, "Nothing was changed; without --dry-run it is done");
    return;
  }
  // Whoever moves in finds what was there, until somebody says otherwise.
  await administer(options, (admin) => admin.setKeepsOld(account.address, true));
  const { left } = await adoptMail(request);
  for (const sentence of left) say(options, `- ${harmless(sentence)}`);
  // Opened once, so that no client waits for the first look at every file.
  const count = await withMailOf(options, account, async (mail) => {
    let messages = 0;
    for (const { name, exists } of await mail.listMailboxes()) {
      if (exists) messages += (await mail.status(name)).messages;
    }
    return messages;
  });
  say(
    options,
    plan.isDone
      ? `${account.address} took it over before; it has ${counted(count, "message")} now`
      : `${account.address} has ${counted(count, "message")} now`,
  );
}

function tell(plan: Adoption, options: AdoptOptions): void {
  if (options.json === true) {
    print(JSON.stringify(plan, null, 2));
    return;
  }
  if (plan.isDone) return;
  print(
    `${formatNames[plan.format]}${plan.layout === "fs" && plan.format !== "mbox" ? ", laid out as directories" : ""}`,
  );
  print(
    `Clients see names such as ${plan.prefix}Archive${plan.separator}2026; folders on disk are in ${plan.encoding}\n`,
  );
  printRows(plan.mailboxes, {
    columns: {
      name: "Mailbox",
      messages: "Messages",
      bytes: "Bytes",
      uidValidity: "UIDVALIDITY",
    },
    whenEmpty: "There is nothing left of it",
  });
  if (plan.remarks.length > 0) print("");
  for (const remark of plan.remarks) print(`- ${harmless(remark)}`);
  for (const obstacle of plan.obstacles) print(`\nIt cannot be done: ${harmless(obstacle)}`);
  print("");
}

const formatNames = {
  dovecot: "A Maildir of Dovecot",
  courier: "A Maildir of Courier",
  "maildir++": "A Maildir without a list of UIDs",
  posthouse: "A Maildir of Posthouse",
  mbox: "Files in mbox format",
} as const satisfies Record<Adoption["format"], string>;

function say(options: AdoptOptions, text: string): void {
  if (options.json !== true) print(text);
}
