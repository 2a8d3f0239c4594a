import type { ListPeopleChange, ListPosts, MailingList } from "@posthouse/accounts";
import { Command, Option } from "commander";
import { administer } from "../administration.ts";
import { asking, lookForList } from "../asking.ts";
import { usageFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";
import { withExamples } from "../examples.ts";
import { listed, print, printRows } from "../output.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

interface SettingOptions extends SourceOptions {
  readonly name?: string;
  readonly posts?: ListPosts;
}

/** `posthouse list`: mailing lists, their rules and who is on them. */
export function listCommand(): Command {
  const list = new Command("list").description("mailing lists");
  for (const command of [addCommand(), listListsCommand(), showCommand(), setCommand()]) {
    list.addCommand(command);
  }
  list.addCommand(removeCommand());
  list.addCommand(peopleCommand("member", "who gets what is written to a list"));
  list.addCommand(peopleCommand("owner", "who gets a list's bounces and requests"));
  list.addCommand(peopleCommand("poster", "who may write to a list, whatever its rule for others"));
  return list;
}

const postsOption = (): Option =>
  new Option(
    "--posts <whom>",
    "whose mail it takes: anybody, people (who log in here), members, or named (posters alone)",
  ).choices(["anybody", "people", "members", "named"]);

const settingsOf = ({ name, posts }: SettingOptions) => ({
  ...(name !== undefined && { name }),
  ...(posts !== undefined && { posts }),
});

const addCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("add")
        .description("make a mailing list; unless you say otherwise its members may write to it")
        .argument("<address>")
        .argument("[member...]")
        .requiredOption("--owner <address...>", "who gets its bounces and requests")
        .option("--name <text>", "what it is called, for people")
        .addOption(postsOption()),
    ).action(
      async (
        address: string,
        members: string[],
        { owner, ...options }: SettingOptions & { readonly owner: string[] },
      ) => {
        const request = { ...settingsOf(options), owners: owner, members };
        print(sentenceOf(await administer(options, (admin) => admin.addList(address, request))));
      },
    ),
    [
      'list add choir@example.org ann@example.org bob@elsewhere.example --owner ann@example.org --name "The choir"',
      "list add news@example.org --owner ann@example.org --posts named",
    ],
  );

const listListsCommand = (): Command =>
  withExamples(
    withJsonOption(
      withSourceOptions(new Command("list").description("list mailing lists").argument("[domain]")),
    ).action(async (domain: string | undefined, options: SourceOptions & { json?: boolean }) => {
      const found = await administer(options, async (admin) => {
        const lists: MailingList[] = [];
        for (const address of await admin.listLists(domain)) {
          lists.push(await admin.findList(address));
        }
        return lists;
      });
      printRows(
        found.map((one) => ({ ...one, members: one.members.length })),
        {
          ...options,
          columns: {
            address: "List",
            name: "Name",
            posts: "Takes mail from",
            owners: "Owner",
            members: "Members",
          },
          whenEmpty: "There is no mailing list",
        },
      );
    }),
    ["list list", "list list example.org --json"],
  );

const showCommand = (): Command =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("show").description("show a list and who is on it").argument("<address>"),
      ),
    ).action(async (address: string, options: SourceOptions & { json?: boolean }) => {
      const found = await administer(options, (admin) => admin.findList(address));
      if (options.json) {
        print(JSON.stringify(found, null, 2));
        return;
      }
      print(sentenceOf(found));
      for (const role of ["owners", "posters", "members"] as const) {
        for (const one of found[role]) print(`  ${role.slice(0, -1)}  ${one}`);
      }
    }),
    ["list show choir@example.org", "list show choir@example.org --json"],
  );

const setCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("set")
        .description("change what a list is called, or whose mail it takes")
        .argument("<address>")
        .option("--name <text>", "what it is called, for people; empty for nothing")
        .addOption(postsOption()),
    ).action(async (address: string, options: SettingOptions) => {
      const settings = settingsOf(options);
      if (Object.keys(settings).length === 0) {
        throw usageFailure("Say what is to be so: --name, --posts or both");
      }
      print(sentenceOf(await administer(options, (admin) => admin.setList(address, settings))));
    }),
    ['list set choir@example.org --name "Choir and friends" --posts anybody'],
  );

const removeCommand = (): Command =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("remove")
          .description("remove a list; its members keep what they have")
          .argument("<address>"),
      ),
      ({ args: [address] }) => `Remove the list ${address}, for good?`,
      lookForList,
    ).action(async (address: string, options: SourceOptions) => {
      await administer(options, (admin) => admin.removeList(address));
      print(`Removed the list ${address}`);
    }),
    ["list remove choir@example.org", "list remove choir@example.org --yes"],
  );

function peopleCommand(role: ListPeopleChange["role"], description: string): Command {
  const people = new Command(role).description(description);
  for (const verb of ["add", "remove"] as const) {
    people.addCommand(
      withExamples(
        withSourceOptions(peopleChange(verb, role)).action(
          async (list: string, addresses: string[], options: SourceOptions) => {
            const change = { role, [verb]: addresses };
            const changed = await administer(options, (admin) =>
              admin.changeListPeople(list, change),
            );
            const now = changed[`${role}s`];
            const many = listed(now, 10);
            print(
              `${changed.address} has ${counted(now.length, role)}${many === "" ? "" : `: ${many}`}`,
            );
          },
        ),
        [`list ${role} ${verb} choir@example.org ann@example.org${verb === "add" ? "" : " --yes"}`],
      ),
    );
  }
  return people;
}

function peopleChange(verb: "add" | "remove", role: ListPeopleChange["role"]): Command {
  const command = new Command(verb)
    .description(`${verb} ${role}s`)
    .argument("<list>")
    .argument("<address...>");
  if (verb === "add") return command;
  return asking(
    command,
    ({ args: [list, ...addresses] }) =>
      `Remove ${addresses.join(", ")} from the ${role}s of ${list}?`,
    lookForList,
  );
}

const whom = {
  anybody: "anybody",
  people: "people who log in here",
  members: "its members",
  named: "nobody",
} as const satisfies Record<ListPosts, string>;

const sentenceOf = ({ address, name, posts, posters, members }: MailingList): string =>
  `${address}${name === undefined ? "" : ` (${name})`} takes mail from ${whom[posts]}${posters.length === 0 ? "" : ` and ${posters.length} named`}, for ${counted(members.length, "member")}`;
