import { appNames } from "@posthouse/service";
import { Command } from "commander";
import { usageFailure } from "./command-failure.ts";
import { version } from "./version.ts";

/** Commands are loaded only when they are asked for: all of them are some 700 modules. */
interface Chapter {
  readonly names: readonly string[];
  readonly load: () => Promise<readonly Command[]>;
}

const chapter = (name: string, load: () => Promise<Command>): Chapter => ({
  names: [name],
  load: async () => [await load()],
});

/** Every command of `posthouse`: the table of contents of apps/cli. */
const chapters: readonly Chapter[] = [
  // Going live
  chapter("setup", async () => (await import("./commands/setup.ts")).setupCommand()),
  chapter("doctor", async () => (await import("./commands/doctor.ts")).doctorCommand()),
  chapter("report", async () => (await import("./commands/report.ts")).reportCommand()),
  // Serving
  chapter("local", async () => (await import("./commands/local.ts")).localCommand()),
  chapter("up", async () => (await import("./commands/up.ts")).upCommand()),
  { names: appNames, load: async () => (await import("./commands/apps.ts")).appCommands() },
  chapter("health", async () => (await import("./commands/health.ts")).healthCommand()),
  chapter("log", async () => (await import("./commands/log.ts")).logCommand()),
  chapter("config", async () => (await import("./commands/config.ts")).configCommand()),
  chapter("tls", async () => (await import("./commands/tls.ts")).tlsCommand()),
  // Who has mail here
  chapter("domain", async () => (await import("./commands/domain.ts")).domainCommand()),
  chapter("account", async () => (await import("./commands/account.ts")).accountCommand()),
  chapter("app-password", async () =>
    (await import("./commands/app-password.ts")).appPasswordCommand(),
  ),
  chapter("apop-secret", async () =>
    (await import("./commands/apop-secret.ts")).apopSecretCommand(),
  ),
  chapter("alias", async () => (await import("./commands/alias.ts")).aliasCommand()),
  chapter("list", async () => (await import("./commands/list.ts")).listCommand()),
  chapter("client", async () => (await import("./commands/client.ts")).clientCommand()),
  chapter("sender", async () => (await import("./commands/sender.ts")).senderCommand()),
  chapter("dkim", async () => (await import("./commands/dkim.ts")).dkimCommand()),
  chapter("ban", async () => (await import("./commands/ban.ts")).banCommand()),
  // Copies, and versions
  chapter("upgrade", async () => (await import("./commands/upgrade.ts")).upgradeCommand()),
  chapter("rollback", async () => (await import("./commands/upgrade.ts")).rollbackCommand()),
  chapter("backup", async () => (await import("./commands/backup.ts")).backupCommand()),
  chapter("restore", async () => (await import("./commands/restore.ts")).restoreCommand()),
  // The mail itself
  chapter("mailbox", async () => (await import("./commands/mailbox.ts")).mailboxCommand()),
  chapter("undelete", async () => (await import("./commands/undelete.ts")).undeleteCommand()),
  chapter("rejects", async () => (await import("./commands/rejects.ts")).rejectsCommand()),
  chapter("sieve", async () => (await import("./commands/sieve.ts")).sieveCommand()),
  chapter("deliver", async () => (await import("./commands/deliver.ts")).deliverCommand()),
  chapter("queue", async () => (await import("./commands/queue.ts")).queueCommand()),
  chapter("suppression", async () =>
    (await import("./commands/suppression.ts")).suppressionCommand(),
  ),
  chapter("comsat", async () => (await import("./commands/comsat.ts")).comsatCommand()),
  chapter("watch", async () => (await import("./commands/watch.ts")).watchCommand()),
  chapter("trace", async () => (await import("./commands/trace.ts")).traceCommand()),
  chapter("tidy", async () => (await import("./commands/tidy.ts")).tidyCommand()),
];

/**
 * `posthouse`, with the command that `args` begin with; with all of them where they begin with none, so
 * that help lists them and a mistyped one is told from what there is.
 */
export async function program(args: readonly string[] = []): Promise<Command> {
  const posthouse = new Command("posthouse")
    .description("A complete mail server for your own domain")
    .version(version(), "-V, --version")
    .showHelpAfterError("(add --help for what this command takes)")
    .exitOverride()
    .enablePositionalOptions()
    .configureHelp({ sortSubcommands: false, helpWidth: 100 })
    .option("--data <dir>", "which server: before the command or behind it")
    .option("--config <file>", "the same, by its configuration file")
    .hook("preAction", handDown);
  const [first] = fromCommand(args);
  const asked = chapters.filter(({ names }) => names.some((name) => name === first));
  for (const { load } of asked.length > 0 ? asked : chapters) {
    for (const command of await load()) posthouse.addCommand(inheriting(command, posthouse));
  }
  return posthouse;
}

/** What is looked for where it is not. */
const elsewhere: ReadonlyMap<string, string> = new Map([
  ["single", "posthouse up --single"],
  ["webhook", "posthouse account webhook"],
]);

/**
 * Words as they are parsed: help is not asked of a command that there is not, for which all commands would be shown
 * as if it had been understood.
 */
export function wordsOf(posthouse: Command, args: readonly string[]): readonly string[] {
  const behind = fromCommand(args);
  const [first] = behind;
  const meant = first === undefined ? undefined : elsewhere.get(first);
  if (meant !== undefined) throw usageFailure(`There is no command "${first}": it is "${meant}"`);
  let command = posthouse;
  for (const word of behind) {
    if (command.commands.length === 0 || word.startsWith("-") || word === "help") return args;
    const inner = command.commands.find((one) => one.name() === word);
    if (inner === undefined) return args.filter((one) => one !== "--help" && one !== "-h");
    command = inner;
  }
  return args;
}

/** From the first word on that is no option of `posthouse` itself, nor the value of one. */
function fromCommand(args: readonly string[]): readonly string[] {
  const [word = ""] = args;
  if (word === "--data" || word === "--config") return fromCommand(args.slice(2));
  return /^--(?:data|config)=/.test(word) ? fromCommand(args.slice(1)) : args;
}

/** What was typed before the command counts as typed behind it, where nothing else is. */
function handDown(posthouse: Command, command: Command): void {
  for (const [name, value] of Object.entries(posthouse.opts())) {
    const isTaken = command.options.some((option) => option.attributeName() === name);
    if (isTaken && command.getOptionValueSource(name) !== "cli") {
      command.setOptionValueWithSource(name, value, "cli");
    }
  }
}

/** Sub-commands built on their own do not take over their parent's settings by themselves. */
function inheriting(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const inner of command.commands) inheriting(inner, command);
  return command;
}
