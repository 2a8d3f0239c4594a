import type { Alias } from "@posthouse/accounts";
import { Command, Option } from "commander";
import { administer } from "../administration.ts";
import { usageFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { print } from "../output.ts";
import { type SourceOptions, withSourceOptions } from "../source-options.ts";

interface RightsOptions extends SourceOptions {
  readonly from?: "anybody" | "people" | "members";
  readonly sendAs?: "yes" | "no";
}

/** `posthouse alias rights`: who may send to an alias, and as it. */
export const aliasRightsCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("rights")
        .description("say who may send to an alias, and whether those behind it may send as it")
        .argument("<address>")
        .addOption(
          new Option(
            "--from <whom>",
            "anybody, people (who log in here), or members (those of them behind the alias)",
          ).choices(["anybody", "people", "members"]),
        )
        .addOption(
          new Option("--send-as <yes or no>", "the accounts behind it may send as it").choices([
            "yes",
            "no",
          ]),
        ),
    ).action(async (address: string, { from, sendAs, ...options }: RightsOptions) => {
      if (from === undefined && sendAs === undefined) {
        throw usageFailure("Say what is to be so: --from, --send-as or both");
      }
      const alias = await administer(options, (admin) =>
        admin.setAliasRights(address, {
          ...(from !== undefined && { acceptsFrom: from }),
          ...(sendAs !== undefined && { maySendAs: sendAs === "yes" }),
        }),
      );
      print(sentenceOf(alias));
    }),
    [
      "alias rights team@example.org --from members",
      "alias rights info@example.org --send-as no",
      "alias rights all@example.org --from people --send-as no",
    ],
  );

const whom = {
  anybody: "anybody",
  people: "people who log in here",
  members: "those behind it, logged in",
} as const;

const sentenceOf = ({ address, acceptsFrom, maySendAs }: Alias): string =>
  `${address} takes mail from ${whom[acceptsFrom ?? "anybody"]}; those behind it ${maySendAs === false ? "do not" : "may"} send as it`;
