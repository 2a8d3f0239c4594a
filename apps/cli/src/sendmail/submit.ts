import { setTimeout as wait } from "node:timers/promises";
import {
  connectSmtp,
  encodeXtext,
  type Reply,
  type SmtpClientSession,
  SmtpConnectionError,
} from "@posthouse/smtp";
import { CommandFailure } from "../command-failure.ts";
import { exitCodeOf, replyText, sysexits } from "../unix-mail/sysexits.ts";
import type { SendmailArguments } from "./arguments.ts";
import type { SendmailSettings } from "./settings.ts";

/** A server that is being restarted is waited for so long: cron does not ask twice. */
const RESTART_MS = 10_000;
const BETWEEN_ATTEMPTS_MS = 500;

export interface Submission {
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly octets: AsyncIterable<Uint8Array>;
}

/**
 * Hands the message to smtp-in. Some recipients may be refused while the others have it.
 *
 * @throws CommandFailure that names who was refused and why
 */
export async function submit(
  { reversePath, recipients, octets }: Submission,
  { notify, returned, envelopeId }: SendmailArguments,
  settings: SendmailSettings,
): Promise<void> {
  const session = await connectPatiently(settings);
  try {
    const outcome = await session.send({
      reversePath,
      mailParameters: {
        ...(returned !== undefined && { RET: returned }),
        ...(envelopeId !== undefined && { ENVID: encodeXtext(envelopeId) }),
      },
      recipients: recipients.map((address) => ({
        address,
        ...(notify !== undefined && { parameters: { NOTIFY: notify } }),
      })),
      octets,
      body: "8BITMIME",
    });
    await session.quit();
    assertTaken(outcome.recipients);
  } catch (cause) {
    if (!(cause instanceof SmtpConnectionError)) throw cause;
    throw new CommandFailure(cause.message, { cause, exitCode: exitCodeOf(cause.toReply()) });
  } finally {
    session.close();
  }
}

function assertTaken(
  recipients: readonly { readonly address: string; readonly reply: Reply }[],
): void {
  const refused = recipients.filter(({ reply }) => exitCodeOf(reply) !== sysexits.ok);
  const [first] = refused;
  if (first === undefined) return;
  const lines = refused.map(({ address, reply }) => `${address}: ${replyText(reply)}`);
  const isSentToOthers = refused.length < recipients.length;
  throw new CommandFailure(
    `${lines.join("\n")}${isSentToOthers ? "\nThe other recipients have the message" : ""}`,
    { exitCode: exitCodeOf(first.reply) },
  );
}

async function connectPatiently({
  host,
  port,
  domain,
}: SendmailSettings): Promise<SmtpClientSession> {
  const giveUpAtMs = performance.now() + RESTART_MS;
  for (;;) {
    try {
      return await connectSmtp({
        flavour: "smtp",
        host,
        port,
        heloName: domain,
        tls: { mode: "off" },
      });
    } catch (cause) {
      if (!(cause instanceof SmtpConnectionError)) throw cause;
      const isAway = cause.phase === "connect" && performance.now() < giveUpAtMs;
      if (!isAway) {
        throw new CommandFailure(cause.message, { cause, exitCode: exitCodeOf(cause.toReply()) });
      }
      await wait(BETWEEN_ATTEMPTS_MS);
    }
  }
}
