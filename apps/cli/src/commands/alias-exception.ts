import { Command } from "commander";
import { administer } from "../administration.ts";
import { asking, lookForDomainOf } from "../asking.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

/** `posthouse alias except`: what a catch-all does not catch. */
export function aliasExceptCommand(): Command {
  const except = new Command("except").description("addresses that a catch-all does not catch");
  except.addCommand(
    withExamples(
      withSourceOptions(
        new Command("add").description("mail to it is refused").argument("<address>"),
      ).action(async (address: string, options: SourceOptions) => {
        const added = await administer(options, (admin) => admin.addException(address));
        print(`The catch-all does not catch ${added}`);
      }),
      ["alias except add spam-trap@example.org"],
    ),
  );
  except.addCommand(
    withExamples(
      withJsonOption(
        withSourceOptions(
          new Command("list").description("list exceptions of a domain").argument("<domain>"),
        ),
      ).action(async (domain: string, options: SourceOptions & { json?: boolean }) => {
        const found = await administer(options, (admin) => admin.listExceptions(domain));
        printRows(
          found.map((address) => ({ address })),
          { ...options, columns: { address: "Not caught" }, whenEmpty: "There is none" },
        );
      }),
      ["alias except list example.org"],
    ),
  );
  except.addCommand(
    withExamples(
      asking(
        withSourceOptions(
          new Command("remove").description("it is caught again").argument("<address>"),
        ),
        ({ args: [address] }) => `Let the catch-all catch ${address} again?`,
        lookForDomainOf,
      ).action(async (address: string, options: SourceOptions) => {
        await administer(options, (admin) => admin.removeException(address));
        print(`The catch-all catches ${address} again`);
      }),
      ["alias except remove spam-trap@example.org"],
    ),
  );
  return except;
}
