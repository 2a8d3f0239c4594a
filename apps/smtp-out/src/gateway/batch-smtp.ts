import { DotStuffer } from "@posthouse/smtp";
import type { GatewaySettings, Handing } from "./gateway.ts";

/**
 * One transaction as batch SMTP: what a client says in a session of RFC 5321, without waiting for answers.
 * There is nobody to offer extensions, and `exim -bS` and rsmtp know none: BODY is left out, since a file has
 * eight bits anyway, and SMTPUTF8 is said of messages that need it, so that whoever does not know it still reads all
 * others.
 */
export async function* batchSmtp(
  { delivery, recipients }: Handing,
  { heloName, signature }: Pick<GatewaySettings, "heloName" | "signature">,
): AsyncGenerator<Buffer> {
  const { reversePath, smtpUtf8 } = delivery.entry.envelope;
  yield lines([
    `${smtpUtf8 ? "EHLO" : "HELO"} ${heloName}`,
    `MAIL FROM:<${reversePath}>${smtpUtf8 ? " SMTPUTF8" : ""}`,
    ...recipients.map(({ address }) => `RCPT TO:<${address}>`),
    "DATA",
  ]);
  const stuffer = new DotStuffer();
  yield Buffer.from(stuffer.push(signature));
  for await (const chunk of delivery.octets()) yield Buffer.from(stuffer.push(chunk));
  yield Buffer.from(stuffer.end());
  yield lines(["QUIT"]);
}

const lines = (all: readonly string[]): Buffer =>
  Buffer.from(all.map((line) => `${line}\r\n`).join(""));
