import { readFile } from "node:fs/promises";
import type { AccountScripts } from "@posthouse/mailbox-store";
import { compileScript, formatProblem, SieveScriptError } from "@posthouse/sieve";
import { Command } from "commander";
import { asking, lookForAccount } from "../asking.ts";
import { CommandFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { accountOf, withMailOf } from "../mail-of.ts";
import { harmless, print, printRows } from "../output.ts";
import { explainRun } from "../sieve/explain.ts";
import {
  configOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";

/** `posthouse sieve`: mail filters. */
export function sieveCommand(): Command {
  const sieve = new Command("sieve").description("filters that run when mail is delivered");
  const ofAccount = (name: string, description: string) =>
    withSourceOptions(new Command(name).description(description).argument("<address>"));
  sieve.addCommand(
    withExamples(
      ofAccount("put", "store a filter, after checking it")
        .argument("<name>", "what it is called")
        .argument("<file>", 'the script; "-" reads it from stdin')
        .option("--activate", "run it from now on")
        .action(put),
      ["sieve put ann@example.org main filter.sieve --activate"],
    ),
  );
  sieve.addCommand(
    withExamples(ofAccount("get", "print a filter").argument("<name>").action(get), [
      "sieve get ann@example.org main > filter.sieve",
    ]),
  );
  sieve.addCommand(
    withExamples(withJsonOption(ofAccount("list", "list the filters of an account")).action(list), [
      "sieve list ann@example.org",
    ]),
  );
  sieve.addCommand(
    withExamples(
      ofAccount("activate", "run this filter from now on, and no other")
        .argument("<name>")
        .action(activate),
      ["sieve activate ann@example.org main"],
    ),
  );
  sieve.addCommand(
    withExamples(ofAccount("deactivate", "run no filter").action(deactivate), [
      "sieve deactivate ann@example.org",
    ]),
  );
  sieve.addCommand(
    withExamples(
      asking(
        ofAccount("delete", "delete a filter that is not active").argument("<name>"),
        ({ args: [address, name] }) => `Delete the filter "${name}" of ${address}, for good?`,
        lookForAccount,
      ).action(remove),
      ["sieve delete ann@example.org old", "sieve delete ann@example.org old --yes"],
    ),
  );
  sieve.addCommand(
    withExamples(
      ofAccount("attach", "run a filter whenever IMAP changes a mailbox: what comes in, and flags")
        .argument("<name>")
        .argument("[mailbox]", "without it, all mailboxes that have none of their own")
        .action(attach),
      ["sieve attach ann@example.org archive Archive", "sieve attach ann@example.org watch"],
    ),
  );
  sieve.addCommand(
    withExamples(
      ofAccount("detach", "run none there any more")
        .argument("[mailbox]", "without it, the one of all mailboxes")
        .action(detach),
      ["sieve detach ann@example.org Archive"],
    ),
  );
  sieve.addCommand(
    withExamples(
      withJsonOption(ofAccount("lists", "list the lists of addresses that filters may ask")).action(
        addressLists,
      ),
      ["sieve lists ann@example.org"],
    ),
  );
  sieve.addCommand(
    withExamples(
      ofAccount("put-list", 'store a list of addresses, which a filter asks as ":addrbook:<name>"')
        .argument("<name>", '"default" is the address book')
        .argument("<file>", 'an address or @domain a line; "-" reads it from stdin')
        .action(putList),
      ["sieve put-list ann@example.org default friends.txt"],
    ),
  );
  sieve.addCommand(
    withExamples(
      asking(
        ofAccount("delete-list", "delete a list of addresses").argument("<name>"),
        ({ args: [address, name] }) => `Delete the list "${name}" of ${address}, for good?`,
        lookForAccount,
      ).action(deleteList),
      ["sieve delete-list ann@example.org old", "sieve delete-list ann@example.org old --yes"],
    ),
  );
  sieve.addCommand(
    withExamples(
      new Command("check")
        .description("say what is wrong with a script, by line and column")
        .argument("<script>", "a file")
        .action(check),
      ["sieve check filter.sieve"],
    ),
  );
  sieve.addCommand(
    withExamples(
      new Command("test")
        .description("explain line by line what a script would do with a message")
        .argument("<script>", "a file")
        .argument("<message>", "a file")
        .option("--from <address>", "the sender by the envelope", "sender@example.net")
        .option("--to <address>", "the recipient by the envelope", "recipient@example.org")
        .action(explain),
      [
        "sieve test filter.sieve message.eml",
        "sieve test filter.sieve message.eml --from bob@example.net --to ann@example.org",
      ],
    ),
  );
  return sieve;
}

async function withScriptsOf<Result>(
  options: SourceOptions,
  address: string,
  work: (scripts: AccountScripts, address: string) => Promise<Result>,
): Promise<Result> {
  const account = await accountOf(options, address);
  return await withMailOf(options, account, async (mail) => {
    // The account's folder is there from its first use on.
    await mail.listMailboxes();
    const { openScriptStore } = await import("@posthouse/mailbox-store");
    const store = openScriptStore({ mailDirectory: configOf(options).paths.mail });
    return await work(store.of(account), account.address);
  });
}

async function put(
  address: string,
  name: string,
  path: string,
  options: SourceOptions & { readonly activate?: boolean },
): Promise<void> {
  const script = await readScript(path);
  compileOrFail(script, path);
  await withScriptsOf(options, address, async (scripts) => {
    await scripts.put(name, script);
    if (options.activate === true) await scripts.activate(name);
  });
  print(`Stored "${name}"${options.activate === true ? ", and it runs from now on" : ""}`);
}

async function get(address: string, name: string, options: SourceOptions): Promise<void> {
  const script = await withScriptsOf(options, address, (scripts) => scripts.get(name));
  if (script === undefined) throw new CommandFailure(`${address} has no filter "${name}"`);
  process.stdout.write(script);
}

async function list(address: string, options: SourceOptions & { json?: boolean }): Promise<void> {
  const scripts = await withScriptsOf(options, address, (one) => one.list());
  printRows(scripts, {
    ...options,
    columns: { name: "Name", isActive: "Active", sizeBytes: "Octets" },
    whenEmpty: `${address} has no filters`,
  });
}

async function activate(address: string, name: string, options: SourceOptions): Promise<void> {
  await withScriptsOf(options, address, (scripts) => scripts.activate(name));
  print(`"${name}" runs from now on`);
}

async function deactivate(address: string, options: SourceOptions): Promise<void> {
  await withScriptsOf(options, address, (scripts) => scripts.activate(undefined));
  print("No filter runs from now on");
}

/** RFC 6785 §2.3.1. */
const scriptEntry = "/shared/imapsieve/script";

async function attach(
  address: string,
  name: string,
  mailbox: string | undefined,
  options: SourceOptions,
): Promise<void> {
  const script = await withScriptsOf(options, address, (scripts) => scripts.get(name));
  if (script === undefined) throw new CommandFailure(`${address} has no filter "${name}"`);
  const account = await accountOf(options, address);
  await withMailOf(options, account, (mail) =>
    mail.setAnnotations(mailbox, [{ entry: scriptEntry, value: Buffer.from(name) }]),
  );
  print(`"${name}" runs when IMAP changes ${mailbox ?? "a mailbox without a filter of its own"}`);
}

async function detach(
  address: string,
  mailbox: string | undefined,
  options: SourceOptions,
): Promise<void> {
  const account = await accountOf(options, address);
  await withMailOf(options, account, (mail) =>
    mail.setAnnotations(mailbox, [{ entry: scriptEntry }]),
  );
  print(`No filter of ${mailbox ?? "all mailboxes"} runs any more`);
}

async function remove(address: string, name: string, options: SourceOptions): Promise<void> {
  await withScriptsOf(options, address, (scripts) => scripts.delete(name));
  print(`Deleted "${name}"`);
}

async function check(path: string): Promise<void> {
  compileOrFail(await readScript(path), path);
  print(`Nothing is wrong with ${path}`);
}

async function addressLists(address: string, options: SourceOptions & { json?: boolean }) {
  const names = await withScriptsOf(options, address, (scripts) => scripts.addressLists());
  printRows(
    names.map((name) => ({ name, asked: `:addrbook:${name}` })),
    {
      ...options,
      columns: { name: "List", asked: "Asked as" },
      whenEmpty: `There is none: posthouse sieve put-list ${address} default <file>`,
    },
  );
}

async function putList(address: string, name: string, path: string, options: SourceOptions) {
  const octets = await readScript(path);
  await withScriptsOf(options, address, (scripts) => scripts.putAddressList(name, octets));
  print(`Stored the list "${name}": filters ask it as ":addrbook:${name}"`);
}

async function deleteList(address: string, name: string, options: SourceOptions) {
  await withScriptsOf(options, address, (scripts) => scripts.putAddressList(name, undefined));
  print(`Deleted the list "${name}"`);
}

async function explain(
  scriptPath: string,
  messagePath: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  const script = await readScript(scriptPath);
  compileOrFail(script, scriptPath);
  // A file of this system has LF; mail has CRLF.
  const text = (await readFile(messagePath)).toString("latin1").replace(/\r?\n/g, "\r\n");
  const lines = await explainRun(script, { octets: Buffer.from(text, "latin1"), from, to });
  for (const line of lines) print(harmless(line));
}

function compileOrFail(script: Uint8Array, path: string): void {
  try {
    compileScript(script);
  } catch (error) {
    if (!(error instanceof SieveScriptError)) throw error;
    const problems = error.problems.map((problem) => `  ${formatProblem(problem)}`).join("\n");
    throw new CommandFailure(`${path} cannot be run:\n${problems}`);
  }
}

async function readScript(path: string): Promise<Uint8Array> {
  if (path !== "-") return await readFile(path);
  return Buffer.concat(await Array.fromAsync(process.stdin as AsyncIterable<Buffer>));
}
