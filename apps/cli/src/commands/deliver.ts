import { normaliseAddress, PathError } from "@posthouse/message";
import { connectSmtp } from "@posthouse/smtp";
import { Command } from "commander";
import { becomeOwnerOf } from "../become-owner.ts";
import { CommandFailure, sentenceOf } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { harmless } from "../output.ts";
import { configOf, type SourceOptions, withSourceOptions } from "../source-options.ts";
import { exitCodeOf, replyText, sysexits } from "../unix-mail/sysexits.ts";
import { readUnixMessage } from "../unix-mail/unix-message.ts";

interface DeliverOptions extends SourceOptions {
  readonly from?: string;
}

/** `posthouse deliver`: a local delivery agent, for procmail, fetchmail, and mail servers that know only pipes. */
export const deliverCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("deliver")
        .description(
          "read a message from stdin and put it into a mailbox, as lmtp-delivery does: filters run",
        )
        .argument("<recipient>", "an address here; an alias or a subaddress will do")
        .option(
          "-f, --from <sender>",
          'the sender by the envelope, "<>" for none (default: that of a "From " line, else none)',
        ),
    )
      .action(deliver)
      .addHelpText(
        "after",
        `
Ends with 0 delivered; 67 no such user; 77 refused by a filter; 65 the message cannot be stored; 69 refused
otherwise; 64 wrong arguments; 75 not now: keep the message and try again, also for everything that is
wrong with this machine.
`,
      ),
    [
      "deliver ann@example.org < message.eml",
      "deliver -f bob@example.net ann+lists@example.org < message.eml",
    ],
  );

/**
 * Nothing but an answer of lmtp-delivery ends it for good: a mail server that calls it would return the
 * message to its sender for a mistake that the administrator can mend.
 */
async function deliver(recipient: string, options: DeliverOptions): Promise<void> {
  assertAddress(recipient, "recipient");
  const given = options.from?.replace(/^<(.*)>$/, "$1");
  if (given !== undefined && given !== "") assertAddress(given, "sender");
  try {
    await handOver(recipient, given, options);
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const { sentence } = sentenceOf(error);
    throw new CommandFailure(sentence, { cause: error, exitCode: sysexits.tempFail });
  }
}

async function handOver(
  recipient: string,
  givenSender: string | undefined,
  options: SourceOptions,
): Promise<void> {
  const { lmtp, hostname } = configOf(options);
  // Root needs nothing of root from here on, and what comes in is a stranger's.
  becomeOwnerOf(lmtp.socketPath);
  const message = await readUnixMessage(process.stdin);
  if (message === undefined) {
    throw new CommandFailure("There is no message on standard input", {
      exitCode: sysexits.dataErr,
    });
  }
  const session = await connectSmtp({
    flavour: "lmtp",
    socketPath: lmtp.socketPath,
    heloName: hostname,
    tls: { mode: "off" },
  });
  try {
    const { recipients } = await session.send({
      reversePath: givenSender ?? senderIfAddress(message.fromLineSender),
      recipients: [{ address: recipient }],
      octets: message.octets,
      body: "8BITMIME",
    });
    const reply = recipients[0]?.reply;
    if (reply !== undefined && exitCodeOf(reply) !== sysexits.ok) {
      throw new CommandFailure(`${recipient}: ${replyText(reply)}`, {
        exitCode: exitCodeOf(reply),
      });
    }
    await session.quit();
  } finally {
    session.close();
  }
}

function assertAddress(address: string, what: string): void {
  try {
    normaliseAddress(address);
  } catch (cause) {
    if (!(cause instanceof PathError)) throw cause;
    throw new CommandFailure(
      `The ${what} "${harmless(address)}" is no address: write it as ann@example.org`,
      { cause, exitCode: sysexits.usage },
    );
  }
}

/** A "From " line may name a Unix user, who is nobody to answer to. */
function senderIfAddress(sender: string | undefined): string {
  try {
    if (sender === undefined || sender === "") return "";
    normaliseAddress(sender);
    return sender;
  } catch (error) {
    if (error instanceof PathError) return "";
    throw error;
  }
}
