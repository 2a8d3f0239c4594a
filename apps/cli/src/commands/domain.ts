import { Command } from "commander";
import { administer } from "../administration.ts";
import { asking, lookForDomain } from "../asking.ts";
import { counted } from "../counted.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";
import { domainAliasCommand } from "./domain-alias.ts";
import { renameDomainCommand } from "./rename.ts";

interface RemoveOptions extends SourceOptions {
  readonly force?: boolean;
}

/** `posthouse domain`: which domains have their mail here. */
export function domainCommand(): Command {
  const domain = new Command("domain").description("the domains whose mail is here");
  domain.addCommand(
    withExamples(
      withSourceOptions(
        new Command("add").description("take mail for a domain").argument("<domain>"),
      ).action(async (name: string, options: SourceOptions) => {
        const added = await administer(options, (admin) => admin.addDomain(name));
        print(`Added the domain ${added}. Next: posthouse account add <name>@${added}`);
      }),
      ["domain add example.org"],
    ),
  );
  domain.addCommand(
    withExamples(
      withJsonOption(withSourceOptions(new Command("list").description("list the domains"))).action(
        async (options: SourceOptions & { json?: boolean }) => {
          const rows = await administer(options, (admin) => admin.listDomains());
          printRows(rows, {
            ...options,
            columns: { domain: "Domain", accounts: "Accounts", aliases: "Aliases" },
            whenEmpty: "There is no domain yet: posthouse domain add <domain>",
          });
        },
      ),
      ["domain list", "domain list --json"],
    ),
  );
  domain.addCommand(
    withExamples(
      asking(
        withSourceOptions(
          new Command("remove")
            .description("stop taking mail for a domain; mail that is stored stays on disk")
            .argument("<domain>")
            .option("--force", "also when it has accounts and aliases: they are removed too"),
        ),
        ({ args: [name], options: { force } }) =>
          `Remove ${name}${force === true ? " with all its accounts and aliases" : ""}, for good?`,
        lookForDomain,
      ).action(async (name: string, options: RemoveOptions) => {
        const removed = await administer(options, (admin) =>
          admin.removeDomain(name, { force: options.force === true }),
        );
        print(
          `Removed the domain ${removed.domain} with ${counted(removed.accounts, "account")} and ${counted(removed.aliases, "alias", "aliases")}; their mail stays on disk.`,
        );
      }),
      ["domain remove example.org", "domain remove example.org --force --yes"],
    ),
  );
  domain.addCommand(renameDomainCommand());
  domain.addCommand(domainAliasCommand());
  return domain;
}
