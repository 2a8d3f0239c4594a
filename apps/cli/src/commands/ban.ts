import { Command } from "commander";
import { administer } from "../administration.ts";
import { usageFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

/** `posthouse ban`: who is turned away, and why. */
export function banCommand(): Command {
  const ban = new Command("ban").description(
    "addresses and networks that are turned away: by counted failures, or by hand",
  );
  for (const command of [listCommand(), addCommand(), liftCommand()]) ban.addCommand(command);
  return ban;
}

const listCommand = () =>
  withExamples(
    withJsonOption(withSourceOptions(new Command("list").description("bans that hold now"))).action(
      async (options: SourceOptions & { json?: boolean }) => {
        const bans = await administer(options, (admin) => admin.listBans());
        printRows(
          bans.map(({ isByHand, ...ban }) => ({
            ...ban,
            reason: isByHand ? "by hand" : "failures",
          })),
          {
            ...options,
            columns: {
              network: "From",
              login: "Login",
              reason: "Because of",
              secondsLeft: "Seconds left",
            },
            whenEmpty: "Nobody is banned",
          },
        );
      },
    ),
    ["ban list", "ban list --json"],
  );

interface AddOptions extends SourceOptions {
  readonly for?: string;
}

const addCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("add")
        .description("turn away everything from an address or a network")
        .argument("<network>", "such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")
        .option("--for <time>", "such as 30m, 12h or 7d; without it until it is lifted"),
    ).action(async (network: string, options: AddOptions) => {
      const seconds = options.for === undefined ? undefined : secondsOf(options.for);
      await administer(options, (admin) => admin.addBan(network, seconds));
      print(`Banned ${network}${options.for === undefined ? "" : ` for ${options.for}`}`);
    }),
    ["ban add 192.0.2.7 --for 12h", "ban add 192.0.2.0/24"],
  );

const liftCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("lift")
        .description("lift the bans of an address or a network, and forget its failures")
        .argument("<network>", 'as "ban list" shows it'),
    ).action(async (network: string, options: SourceOptions) => {
      const lifted = await administer(options, (admin) => admin.liftBans(network));
      print(lifted === 0 ? `${network} was not banned` : `Lifted the ban of ${network}`);
    }),
    ["ban lift 192.0.2.7"],
  );

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function secondsOf(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const factor = unitSeconds[unit];
  if (factor === undefined) {
    throw usageFailure(`"${text}" is no time: write it as 30m, 12h or 7d`);
  }
  return Number(count) * factor;
}
