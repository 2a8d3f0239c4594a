import { Command } from "commander";
import { accountCommand } from "./commands/account.ts";
import { aliasCommand } from "./commands/alias.ts";
import { appPasswordCommand } from "./commands/app-password.ts";
import { appCommands } from "./commands/apps.ts";
import { backupCommand } from "./commands/backup.ts";
import { banCommand } from "./commands/ban.ts";
import { clientCommand } from "./commands/client.ts";
import { configCommand } from "./commands/config.ts";
import { deliverCommand } from "./commands/deliver.ts";
import { dkimCommand } from "./commands/dkim.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { domainCommand } from "./commands/domain.ts";
import { healthCommand } from "./commands/health.ts";
import { localCommand } from "./commands/local.ts";
import { mailboxCommand } from "./commands/mailbox.ts";
import { queueCommand } from "./commands/queue.ts";
import { rejectsCommand } from "./commands/rejects.ts";
import { restoreCommand } from "./commands/restore.ts";
import { senderCommand } from "./commands/sender.ts";
import { setupCommand } from "./commands/setup.ts";
import { sieveCommand } from "./commands/sieve.ts";
import { suppressionCommand } from "./commands/suppression.ts";
import { tlsCommand } from "./commands/tls.ts";
import { traceCommand } from "./commands/trace.ts";
import { upCommand } from "./commands/up.ts";
import { version } from "./version.ts";

/** Every command of `posthouse`: the table of contents of apps/cli. */
export function program(): Command {
  const posthouse = new Command("posthouse")
    .description("A complete mail server for your own domain")
    .version(version(), "-V, --version")
    .showHelpAfterError("(add --help for what this command takes)")
    .exitOverride()
    .configureHelp({ sortSubcommands: false, helpWidth: 100 });
  const commands = [
    // Going live
    setupCommand(),
    doctorCommand(),
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
    // Copies
    backupCommand(),
    restoreCommand(),
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
