import { Command } from "commander";
import { administer } from "../administration.ts";
import { asking, lookForDomainOf } from "../asking.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";
import { aliasExceptCommand } from "./alias-exception.ts";
import { aliasRightsCommand } from "./alias-rights.ts";

/** `posthouse alias`: addresses that lead to other addresses. */
export function aliasCommand(): Command {
  const alias = new Command("alias").description("addresses that lead to other addresses");
  alias.addCommand(
    withExamples(
      withSourceOptions(
        new Command("add")
          .description(
            "let an address lead to one or more others, here or elsewhere; @domain is its catch-all",
          )
          .argument("<address>")
          .argument("<target...>"),
      ).action(async (address: string, targets: string[], options: SourceOptions) => {
        const added = await administer(options, (admin) => admin.addAlias(address, targets));
        print(`${added.address} leads to ${added.targets.join(", ")}`);
      }),
      [
        "alias add info@example.org ann@example.org bob@example.org",
        "alias add @example.org ann@example.org",
      ],
    ),
  );
  alias.addCommand(
    withExamples(
      withJsonOption(
        withSourceOptions(new Command("list").description("list aliases").argument("[domain]")),
      ).action(async (domain: string | undefined, options: SourceOptions & { json?: boolean }) => {
        const rows = await administer(options, (admin) => admin.listAliases(domain));
        printRows(rows, {
          ...options,
          columns: {
            address: "Alias",
            targets: "Leads to",
            acceptsFrom: "Mail from",
            maySendAs: "Sent as",
          },
          whenEmpty: "There is no alias",
        });
      }),
      ["alias list", "alias list example.org --json"],
    ),
  );
  alias.addCommand(
    withExamples(
      asking(
        withSourceOptions(
          new Command("remove")
            .description("remove an alias, or only some of its targets")
            .argument("<address>")
            .argument("[target...]"),
        ),
        ({ args: [address, ...targets] }) =>
          targets.length === 0
            ? `Remove the alias ${address}?`
            : `Remove ${targets.join(", ")} from ${address}?`,
        lookForDomainOf,
      ).action(async (address: string, targets: string[], options: SourceOptions) => {
        await administer(options, (admin) =>
          admin.removeAlias(address, targets.length === 0 ? undefined : targets),
        );
        print(
          `Removed ${targets.length === 0 ? `the alias ${address}` : `${targets.join(", ")} from ${address}`}`,
        );
      }),
      ["alias remove info@example.org", "alias remove info@example.org bob@example.org --yes"],
    ),
  );
  alias.addCommand(aliasRightsCommand());
  alias.addCommand(aliasExceptCommand());
  return alias;
}
