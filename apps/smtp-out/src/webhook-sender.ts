import type { WebhookSigning } from "@posthouse/accounts";
import { type SpoolItem, SpoolRunner } from "@posthouse/file-spool";
import { askHttps, type HttpsSettings } from "@posthouse/mail-auth/mta-sts";
import type { AppContext } from "@posthouse/service";
import {
  isListedUrl,
  parseNote,
  readWebhookUrl,
  type WebhookNote,
  webhookLimits,
} from "@posthouse/webhooks";
import { limits } from "./limits.ts";

export interface WebhookSettings extends HttpsSettings {
  /** Where lmtp-delivery leaves its notes. */
  readonly directory: string;
  readonly auth: WebhookSigning;
  /** `sieve.notify_hosts`: a host that is no longer there is told nothing more. */
  readonly notifyHosts: readonly string[];
  /** Before the second try. */
  readonly retryMs: number;
  readonly log: AppContext["log"];
  readonly metrics: AppContext["metrics"];
}

/**
 * Tells web servers of new mail. Each hears of one thing after the other; 2yz is heard, 410 is no more of it,
 * and all else is tried again for a day. Our own network is never told, whatever a name stands for.
 */
export function webhookSender(settings: WebhookSettings): SpoolRunner<WebhookNote> {
  const counted = settings.metrics.counter("smtp_out_webhooks_total", "Web servers told of mail", [
    "outcome",
  ]);
  return new SpoolRunner({
    directory: settings.directory,
    bytesMax: webhookLimits.noteBytesMax,
    parse: parseNote,
    laneOf: ({ account, url = "" }) => `${account} ${url}`,
    run: async (note, item) => {
      const outcome = await tell(settings, note, item);
      counted.inc({ outcome });
      return outcome !== "later";
    },
    lanesMax: limits.webhooksAtOnceMax,
    retryMs: settings.retryMs,
    retryMsMax: limits.webhookRetryMsMax,
    log: settings.log,
  });
}

type Outcome = "told" | "later" | "refused" | "dropped";

async function tell(
  settings: WebhookSettings,
  note: WebhookNote,
  { writtenMs, signal }: SpoolItem,
): Promise<Outcome> {
  const { log } = settings;
  const about = { account: note.account, id: note.id };
  const isOld = Date.now() - writtenMs > limits.webhookMsMax;
  const later = (why: string): Outcome => {
    const outcome = isOld ? "dropped" : "later";
    log.info({ ...about, why, outcome }, "Cannot tell a web server of mail");
    return outcome;
  };
  try {
    const target = await targetOf(settings, note);
    if (target === undefined) return "dropped";
    const { status } = await askHttps(target.url, settings, {
      timeoutMs: limits.webhookPostMs,
      signal,
      bytesMax: limits.webhookAnswerBytesMax,
      body: { type: "application/json", octets: Buffer.from(note.body) },
      headers: { "user-agent": "Posthouse", "webhook-id": note.id, ...target.headers },
    });
    if (status >= 200 && status < 300) return "told";
    if (status !== 410) return later(`${target.url.host} answered ${status}`);
    log.warn({ ...about, host: target.url.host }, "A web server wants to hear of mail no more");
    return "refused";
  } catch (error) {
    if (error instanceof Error) return later(error.message);
    throw error;
  }
}

/** Undefined where nobody is to be told any more. */
async function targetOf(
  { auth, notifyHosts }: WebhookSettings,
  { account, url: named, id, body }: WebhookNote,
): Promise<{ readonly url: URL; readonly headers: Readonly<Record<string, string>> } | undefined> {
  if (named !== undefined) {
    const url = readWebhookUrl(named);
    return url !== undefined && isListedUrl(url, notifyHosts) ? { url, headers: {} } : undefined;
  }
  const timestamp = Math.floor(Date.now() / 1000);
  const signed = await auth.signWebhook({ accountId: account, id, timestamp, body });
  const url = signed && readWebhookUrl(signed.url);
  if (signed === undefined || url === undefined) return undefined;
  const headers = {
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signed.signature,
  };
  return { url, headers };
}
