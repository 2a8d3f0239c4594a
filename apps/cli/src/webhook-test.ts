import { randomUUID } from "node:crypto";
import type { WebhookSigning } from "@posthouse/accounts";
import { askHttps, type HttpsSettings } from "@posthouse/mail-auth/mta-sts";
import { CommandFailure } from "./command-failure.ts";
import { harmless } from "./output.ts";

const limits = {
  /** As long as smtp-out waits. */
  postMs: 15_000,
  /** Octets of the answer, which nobody reads. */
  answerBytesMax: 64 * 1024,
} as const;

/**
 * Posts a signed message of type "test" to the web server of an account, as smtp-out tells it of mail, but once.
 * Gives back what it said. @throws CommandFailure unless that is 2yz
 */
export async function testWebhook(
  { id: accountId, address }: { readonly id: string; readonly address: string },
  auth: WebhookSigning,
  settings: HttpsSettings,
): Promise<string> {
  const id = `test-${randomUUID()}`;
  const now = new Date();
  const body = JSON.stringify({
    type: "test",
    timestamp: now.toISOString(),
    data: { account: address },
  });
  const timestamp = Math.floor(now.getTime() / 1000);
  const signed = await auth.signWebhook({ accountId, id, timestamp, body });
  if (signed === undefined) throw new CommandFailure(`${address} has no webhook`);
  const url = new URL(signed.url);
  const status = await post(url, settings, body, {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signed.signature,
  });
  if (status >= 200 && status < 300) return `${url.host} answered ${status}: it has heard`;
  throw new CommandFailure(
    status === 410
      ? `${url.host} answered 410: it wants to hear nothing, and is not told again`
      : `${url.host} answered ${status}: of mail it would be told again and again, for a day`,
  );
}

async function post(
  url: URL,
  settings: HttpsSettings,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  try {
    const { status } = await askHttps(url, settings, {
      timeoutMs: limits.postMs,
      bytesMax: limits.answerBytesMax,
      body: { type: "application/json", octets: Buffer.from(body) },
      headers: { "user-agent": "Posthouse", ...headers },
    });
    return status;
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new CommandFailure(`${url.host} cannot be told: ${harmless(cause.message)}`, { cause });
  }
}
