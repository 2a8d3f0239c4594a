import { type Queue, replyInWords, suppressedUntilMs } from "@posthouse/queue";
import type { Config } from "@posthouse/service";
import { Command } from "commander";
import { asking } from "../asking.ts";
import { CommandFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { harmless, print, printRows } from "../output.ts";
import { withQueueOf } from "../queue-of.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

interface SuppressionOptions extends SourceOptions {
  readonly json?: boolean;
  readonly account?: string;
}

/** `posthouse suppression`: who gets no more mail, since his host said that he does not exist. */
export function suppressionCommand(): Command {
  const suppression = new Command("suppression").description(
    "addresses that refused mail of an account for good, again and again",
  );
  for (const command of [listCommand(), clearCommand()]) suppression.addCommand(command);
  return suppression;
}

const listCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("list")
          .description("addresses that are held back, and those that were refused less often")
          .option("--account <address>", "of one account"),
      ),
    ).action((options: SuppressionOptions) =>
      withQueueOf(options, (queue, config) => list(queue, config, options)),
    ),
    ["suppression list", "suppression list --account ann@example.org --json"],
  );

async function list(queue: Queue, config: Config, options: SuppressionOptions): Promise<void> {
  const policy = {
    bouncesMax: config.smtpOut.suppressAfterBounces,
    windowMs: config.smtpOut.suppressDays * 86_400_000,
  };
  const bounces = await queue.bounces(options.account);
  const rows = bounces.map((bounce) => {
    const untilMs = suppressedUntilMs(bounce, policy, Date.now());
    return {
      ...bounce,
      refusals: bounce.timesMs.length,
      until:
        untilMs === undefined
          ? "is sent to"
          : new Date(untilMs).toISOString().slice(0, 16).replace("T", " "),
      said: `${bounce.remoteHost}: ${replyInWords(bounce.reply)}`,
    };
  });
  printRows(rows, {
    ...options,
    columns: {
      account: "Account",
      address: "Address",
      refusals: "Refusals",
      until: "Held back until (UTC)",
      said: "What was said",
    },
    whenEmpty: "No address refused mail for good lately",
  });
}

const clearCommand = () =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("clear")
          .description("send to an address again, as if it had never refused anything")
          .argument("<address>")
          .option("--account <address>", "for one account only"),
      ),
      ({ args: [address] }) => `Forget for good what ${address} refused?`,
    ).action((address: string, options: SuppressionOptions) =>
      withQueueOf(options, async (queue) => {
        const count = await queue.forgetBounces(address, options.account);
        if (count === 0) {
          throw new CommandFailure(
            `Nothing is known against "${harmless(address)}"; see "posthouse suppression list"`,
          );
        }
        print(`${harmless(address)} is sent to again`);
      }),
    ),
    [
      "suppression clear bob@example.net",
      "suppression clear bob@example.net --account ann@example.org --yes",
    ],
  );
