import { DotStuffer } from "@posthouse/smtp";
import type { GatewaySettings, Handing } from "./gateway.ts";

/**
 * One transaction as batch SMTP: what a client says in a session of RFC 5321, without waiting for answers.
 * There is nobody to offer extensions; BODY and SMTPUTF8 are said only of messages that need them, so that
 * whoever knows none of them still reads all others.
 */
export async function* batchSmtp(
  { delivery, recipients }: Handing,
  { heloName, signature }: Pick<GatewaySettings, "heloName" | "signature">,
): AsyncGenerator<Buffer> {
  const { reversePath, body, smtpUtf8 } = delivery.entry.envelope;
  const needs = `${body === "8BITMIME" ? " BODY=8BITMIME" : ""}${smtpUtf8 ? " SMTPUTF8" : ""}`;
  const greeting = needs === "" ? "HELO" : "EHLO";
  yield lines([
    `${greeting} ${heloName}`,
    `MAIL FROM:<${reversePath}>${needs}`,
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
