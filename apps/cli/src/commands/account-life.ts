import type { DisabledFor } from "@posthouse/accounts";
import { Argument, Command } from "commander";
import { administer } from "../administration.ts";
import { asking, lookForAccount } from "../asking.ts";
import { becomeOwnerOf } from "../become-owner.ts";
import { usageFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import { parseSize } from "../size.ts";
import {
  configOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";

/** What happens to an account between `add` and its end. */

export const quotaCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("quota")
        .description("the most it may store from now on")
        .argument("<address>")
        .argument("<size>", 'such as 500M or 10G, or "none"'),
    ).action(async (address: string, size: string, options: SourceOptions) => {
      const quotaBytes = size === "none" ? null : parseSize(size);
      const account = await administer(options, (admin) => admin.setQuota(address, { quotaBytes }));
      print(`${account.address} may store ${size === "none" ? "what the disk holds" : size}`);
    }),
    ["account quota ann@example.org 10G", "account quota ann@example.org none"],
  );

export const retentionCommand = (): Command =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("retention")
          .description(
            "whether old mail is taken out of its Junk and Trash: [retention] in posthouse.toml",
          )
          .argument("<address>")
          .addArgument(new Argument("<yes-or-no>").choices(["yes", "no"])),
      ),
      ({ args: [address, answer] }) =>
        answer === "yes" ? `Delete old mail from Junk and Trash of ${address}?` : undefined,
      lookForAccount,
    ).action(async (address: string, answer: string, options: SourceOptions) => {
      const account = await administer(options, (admin) =>
        admin.setKeepsOld(address, answer === "no"),
      );
      print(
        answer === "no"
          ? `Nothing is taken out of Junk and Trash of ${account.address} for its age`
          : `Old mail is taken out of Junk and Trash of ${account.address}, as posthouse.toml says`,
      );
    }),
    ["account retention ann@example.org no", "account retention ann@example.org yes --yes"],
  );

export const loginsCommand = (): Command =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("logins")
          .description("from where it logged in within 90 days, by what and how often")
          .argument("<address>"),
      ),
    ).action(async (address: string, options: SourceOptions & { json?: boolean }) => {
      const places = await administer(options, (admin) => admin.loginHistory(address));
      const rows = places.map(({ firstMs, lastMs, ...place }) => ({
        ...place,
        appPassword: place.appPassword ?? "its own",
        first: new Date(firstMs).toISOString(),
        last: new Date(lastMs).toISOString(),
      }));
      printRows(rows, {
        ...options,
        columns: {
          last: "Last",
          first: "First",
          protocol: "Protocol",
          remoteAddress: "From",
          appPassword: "Password",
          logins: "Logins",
        },
        whenEmpty: `${address} has not logged in within 90 days`,
      });
    }),
    ["account logins ann@example.org", "account logins ann@example.org --json"],
  );

export const disableCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("disable")
        .description("nobody can log in to it; its mail is taken in as before")
        .argument("<address>")
        .option("--mail", "refuse mail to it too"),
    ).action(async (address: string, options: SourceOptions & { mail?: boolean }) => {
      const disabled: DisabledFor = options.mail === true ? "all" : "logins";
      const account = await administer(options, (admin) => admin.setDisabled(address, disabled));
      const mail = options.mail === true ? ", and mail to it is refused" : "";
      print(
        `Nobody can log in to ${account.address}${mail}, and who was logged in is not any more`,
      );
    }),
    ["account disable ann@example.org", "account disable ann@example.org --mail"],
  );

export const enableCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("enable").description("it may log in again").argument("<address>"),
    ).action(async (address: string, options: SourceOptions) => {
      const account = await administer(options, (admin) => admin.setDisabled(address));
      print(`${account.address} may log in, and its mail is taken in`);
    }),
    ["account enable ann@example.org"],
  );

interface RemoveOptions extends SourceOptions {
  readonly now?: boolean;
  readonly keepMail?: boolean;
  readonly days: number;
}

export const removeCommand = (): Command =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("remove")
          .description(
            "remove an account: it can be restored for some days, then its mail is deleted",
          )
          .argument("<address>")
          .option("--days <n>", "for so long it can be restored", daysOf, 30)
          .option("--now", "for good and at once, with its mail; also one that could be restored")
          .option("--keep-mail", "with --now: its mail stays on disk"),
      ),
      ({ args: [address], options: { now, keepMail, days } }) => {
        if (now !== true && keepMail === true) throw usageFailure("--keep-mail goes with --now");
        if (now !== true)
          return `Remove ${address}? It can be restored for ${counted(Number(days), "day")}`;
        const what = keepMail === true ? "" : " and delete all its mail";
        return `Remove ${address}${what}, for good?`;
      },
      // One that was removed before can be removed for good.
      (typed) => (typed.options.now === true ? Promise.resolve() : lookForAccount(typed)),
    ).action(remove),
    [
      "account remove ann@example.org",
      "account remove ann@example.org --days 7 --yes",
      "account remove ann@example.org --now",
    ],
  );

function daysOf(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw usageFailure(`"${text}" is not a number of days from 1 to 9999`);
}

async function remove(address: string, options: RemoveOptions): Promise<void> {
  if (options.now === true) return await removeNow(address, options);
  const untilMs = Date.now() + options.days * 24 * 3_600_000;
  const account = await administer(options, (admin) => admin.putAccountAway(address, untilMs));
  print(
    `Removed the account ${account.address}. Until ${new Date(untilMs).toISOString().slice(0, 10)} "posthouse account restore ${account.address}" brings it back; then its mail is deleted`,
  );
}

async function removeNow(address: string, options: RemoveOptions): Promise<void> {
  const { account, removedAliases } = await administer(options, (admin) =>
    admin.removeAccount(address),
  );
  print(`Removed the account ${account.address}`);
  for (const alias of removedAliases) print(`Removed the alias ${alias}, which led nowhere else`);
  if (options.keepMail === true) {
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
}

export const restoreCommand = (): Command =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("restore")
          .description("bring back an account that was removed, with all its mail")
          .argument("<address>"),
      ),
      ({ args: [address] }) => `Bring back ${address}, with its passwords and aliases?`,
    ).action(async (address: string, options: SourceOptions) => {
      const account = await administer(options, (admin) => admin.restoreAccount(address));
      print(`The account ${account.address} is back, with its mail, passwords and aliases`);
    }),
    [
      "account list --removed",
      "account restore ann@example.org",
      "account restore ann@example.org --yes",
    ],
  );
