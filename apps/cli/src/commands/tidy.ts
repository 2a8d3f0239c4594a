import type { AccountSummary } from "@posthouse/accounts";
import type { Config } from "@posthouse/service";
import { Command } from "commander";
import { administer } from "../administration.ts";
import { becomeOwnerOf } from "../become-owner.ts";
import { sentenceOf } from "../command-failure.ts";
import { counted } from "../counted.ts";
import { withExamples } from "../examples.ts";
import { doMailWork } from "../mail-work.ts";
import { print } from "../output.ts";
import type { Retention } from "../retention.ts";
import { configOf, type SourceOptions, withSourceOptions } from "../source-options.ts";

/** `posthouse tidy`: what has to go, day by day. */
export const tidyCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("tidy").description(
        "for a daily timer: delete what has expired in Junk and Trash, and the mail of accounts that can be restored no longer",
      ),
    )
      .option("--dry-run", "say what would be deleted; delete nothing")
      .action(tidy),
    ["tidy", "tidy --dry-run", "tidy --config /etc/posthouse/posthouse.toml"],
  );

async function tidy(options: SourceOptions & { readonly dryRun?: boolean }): Promise<void> {
  const config = configOf(options);
  const isDry = options.dryRun === true;
  const accounts = await administer(options, async (admin) => {
    const overdue = (await admin.listRemoved()).filter(({ untilMs }) => untilMs <= Date.now());
    // The mail first: while the account is listed, this is done again.
    if (isDry) {
      for (const { address } of overdue) {
        print(`Would delete the mail of ${address}, which was removed`);
      }
      return await admin.listAccounts();
    }
    if (overdue.length > 0) await doMailWork(options, { kind: "remove", accounts: overdue });
    for (const { address } of overdue) {
      await admin.removeAccount(address);
      print(`Deleted the mail of ${address}, which was removed`);
    }
    return await admin.listAccounts();
  });
  const { sweepStagings } = await import("../mail-staging.ts");
  if (!isDry) sweepStagings(config.paths.tmp);
  becomeOwnerOf(config.paths.mail);
  await tidyMail(config, accounts, { isDry });
}

/** An account that cannot be opened keeps nobody from having the next looked at. */
async function tidyMail(
  config: Config,
  accounts: readonly AccountSummary[],
  { isDry }: { readonly isDry: boolean },
): Promise<void> {
  const { junkDays, trashDays } = config.retention;
  const retention: Retention = new Map([
    ["\\Junk", junkDays],
    ["\\Trash", trashDays],
  ]);
  const { openStoreOf } = await import("../mail-store.ts");
  const { removeOld } = await import("../retention.ts");
  await using store = await openStoreOf(config);
  for (const account of accounts) {
    if (account.movingTo !== undefined) continue;
    try {
      await using mail = await store.openAccount(account);
      const removed = account.keepsOld === true ? 0 : await removeOld(mail, retention, { isDry });
      if (removed === 0) continue;
      const what = counted(removed, "old message");
      print(`${account.address}: ${isDry ? "would delete" : "deleted"} ${what}`);
    } catch (error) {
      process.stderr.write(`posthouse: ${account.address}: ${sentenceOf(error).sentence}\n`);
      process.exitCode = 1;
    }
  }
}
