import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { accountCommand } from "./commands/account.ts";
import { aliasCommand } from "./commands/alias.ts";
import { appPasswordCommand } from "./commands/app-password.ts";
import { appCommands } from "./commands/apps.ts";
import { banCommand } from "./commands/ban.ts";
import { clientCommand } from "./commands/client.ts";
import { configCommand } from "./commands/config.ts";
import { deliverCommand } from "./commands/deliver.ts";
import { dkimCommand } from "./commands/dkim.ts";
import { domainCommand } from "./commands/domain.ts";
import { healthCommand } from "./commands/health.ts";
import { localCommand } from "./commands/local.ts";
import { mailboxCommand } from "./commands/mailbox.ts";
import { queueCommand } from "./commands/queue.ts";
import { rejectsCommand } from "./commands/rejects.ts";
import { senderCommand } from "./commands/sender.ts";
import { sieveCommand } from "./commands/sieve.ts";
import { suppressionCommand } from "./commands/suppression.ts";
import { tlsCommand } from "./commands/tls.ts";
import { traceCommand } from "./commands/trace.ts";
import { upCommand } from "./commands/up.ts";

/** Every command of `posthouse`: the table of contents of apps/cli. */
export function program(): Command {
  const posthouse = new Command("posthouse")
    .description("A complete mail server for your own domain")
    .version(version(), "-V, --version")
    .showHelpAfterError("(add --help for what this command takes)")
    .exitOverride()
    .configureHelp({ sortSubcommands: false, helpWidth: 100 });
  const commands = [
    // Serving
    localCommand(),
    upCommand(),
    ...appCommands(),
    healthCommand(),
    configCommand(),
    tlsCommand(),
    // Who has mail here
    domainCommand(),
    accountCommand(),
    appPasswordCommand(),
    aliasCommand(),
    clientCommand(),
    senderCommand(),
    dkimCommand(),
    banCommand(),
    // The mail itself
    mailboxCommand(),
    rejectsCommand(),
    sieveCommand(),
    deliverCommand(),
    queueCommand(),
    suppressionCommand(),
    traceCommand(),
  ];
  for (const command of commands) posthouse.addCommand(inheriting(command, posthouse));
  return posthouse;
}

/** Sub-commands built on their own do not take over their parent's settings by themselves. */
function inheriting(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const inner of command.commands) inheriting(inner, command);
  return command;
}

function version(): string {
  const path = join(import.meta.dirname, "..", "..", "..", "package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
