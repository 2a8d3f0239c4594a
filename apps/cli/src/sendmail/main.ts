import { connect } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { CommandFailure, sentenceOf } from "../command-failure.ts";
import { harmless } from "../output.ts";
import { sysexits } from "../unix-mail/sysexits.ts";
import { readUnixMessage } from "../unix-mail/unix-message.ts";
import { parseArguments, type SendmailArguments } from "./arguments.ts";
import { completeHeader, recipientsIn, recipientsInHeader } from "./header.ts";
import { readHeader } from "./header-and-body.ts";
import { readSettings, type SendmailSettings, unixUser } from "./settings.ts";
import { submit } from "./submit.ts";
import { untilDot } from "./until-dot.ts";

/** The program that Unix programs know as sendmail: the first argument is the name it was called by. */
async function sendmail([name = "sendmail", ...given]: readonly string[]): Promise<void> {
  const args = parseArguments(name, given);
  if (args.mode === "nothing") return;
  const settings = readSettings(args.configFile);
  if (args.mode === "queue") showQueue(settings);
  else if (args.mode === "smtp") await speakSmtp(settings);
  else await send(args, settings);
}

async function send(args: SendmailArguments, settings: SendmailSettings): Promise<void> {
  const { domain } = settings;
  const named = args.recipients.flatMap((one) => recipientsIn(one, domain));
  if (named.length === 0 && !args.areRecipientsInHeader) throw noRecipients();
  const message = await readUnixMessage(process.stdin);
  const octets = message?.octets ?? nothing();
  const { header, body } = await readHeader(args.isDotText ? octets : untilDot(octets));
  const inHeader = args.areRecipientsInHeader ? recipientsInHeader(header, domain) : [];
  const recipients = [...new Set([...named, ...inHeader])];
  if (recipients.length === 0) throw noRecipients();
  const reversePath = senderOf(args, domain);
  const fullName = args.fullName ?? process.env.NAME;
  const completed = completeHeader(header, domain, { fullName, address: reversePath });
  await submit({ reversePath, recipients, octets: both(completed, body) }, args, settings);
}

function senderOf({ sender = unixUser() }: SendmailArguments, domain: string): string {
  if (sender === "") return "";
  const [address] = recipientsIn(sender, domain);
  if (address !== undefined) return address;
  throw new CommandFailure(`The sender "${harmless(sender)}" is no address`, {
    exitCode: sysexits.usage,
  });
}

/** -bs: whoever speaks SMTP into a pipe speaks with smtp-in. */
async function speakSmtp({ host, port }: SendmailSettings): Promise<void> {
  const socket = connect({ host, port, allowHalfOpen: true });
  // It ends when the server has said its last word; a client that goes away without QUIT is told nothing.
  void pipeline(process.stdin, socket).catch(() => {});
  try {
    await pipeline(socket, process.stdout, { end: false });
  } catch (cause) {
    process.stdout.write("421 4.3.2 The mail server cannot be reached, try again later\r\n");
    throw new CommandFailure(
      `The connection to ${host} port ${port} failed: ${(cause as Error).message}`,
      {
        cause,
        exitCode: sysexits.tempFail,
      },
    );
  }
}

/** -bp: with the rights of whoever asks. */
function showQueue({ configFile }: SendmailSettings): void {
  const cli = join(import.meta.dirname, "..", "main.ts");
  const args = [process.execPath, cli, "queue", "list", "--config", configFile];
  process.execve?.(process.execPath, args);
}

async function* both(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

const noRecipients = (): CommandFailure =>
  new CommandFailure("Nobody is named to send to: give addresses, or -t and a To field", {
    exitCode: sysexits.usage,
  });

try {
  await sendmail(process.argv.slice(2));
  process.exit(sysexits.ok);
} catch (error) {
  const { sentence, exitCode } = sentenceOf(error);
  process.stderr.write(`sendmail: ${sentence}\n`);
  process.exit(exitCode);
}
