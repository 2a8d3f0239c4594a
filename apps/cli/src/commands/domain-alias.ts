import { Command } from "commander";
import { administer } from "../administration.ts";
import { asking } from "../asking.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

/** `posthouse domain alias`: domains that are another under a second name. */
export function domainAliasCommand(): Command {
  const alias = new Command("alias").description(
    "domains whose every address is the one of the same name in another domain",
  );
  alias.addCommand(
    withExamples(
      withSourceOptions(
        new Command("add")
          .description("let a domain be another one under a second name")
          .argument("<alias>")
          .argument("<domain>"),
      ).action(async (name: string, domain: string, options: SourceOptions) => {
        const made = await administer(options, (admin) => admin.addDomainAlias(name, domain));
        print(`Addresses of ${made.alias} are those of ${made.domain}`);
      }),
      ["domain alias add example.net example.org"],
    ),
  );
  alias.addCommand(
    withExamples(
      withJsonOption(
        withSourceOptions(new Command("list").description("list aliases of domains")),
      ).action(async (options: SourceOptions & { json?: boolean }) => {
        const rows = await administer(options, (admin) => admin.listDomainAliases());
        printRows(rows, {
          ...options,
          columns: { alias: "Alias", domain: "Domain" },
          whenEmpty: "There is none",
        });
      }),
      ["domain alias list", "domain alias list --json"],
    ),
  );
  alias.addCommand(
    withExamples(
      asking(
        withSourceOptions(
          new Command("remove").description("mail to it is not ours any more").argument("<alias>"),
        ),
        ({ args: [name] }) => `Refuse mail to all addresses in ${name} from now on?`,
      ).action(async (name: string, options: SourceOptions) => {
        await administer(options, (admin) => admin.removeDomainAlias(name));
        print(`Removed the alias ${name}`);
      }),
      ["domain alias remove example.net", "domain alias remove example.net --yes"],
    ),
  );
  return alias;
}
