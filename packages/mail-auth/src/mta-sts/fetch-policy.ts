import { askHttps, type HttpsSettings } from "./ask-https.ts";
import { type MtaStsPolicy, parseMtaStsPolicy } from "./mta-sts-policy.ts";

/** RFC 8461 §3.3 and §3.2: a minute for the whole of it, and 64 KB, are what it suggests. */
export const limits = { fetchMs: 60_000, bytesMax: 64 * 1024 } as const;

/**
 * The policy that a domain serves, and its text. RFC 8461 §3.3: a certificate that holds, 200, no redirect, text.
 *
 * @throws Error with a sentence, DnsError
 */
export async function fetchMtaStsPolicy(
  domain: string,
  settings: HttpsSettings,
  { fetchMs, bytesMax }: { readonly fetchMs: number; readonly bytesMax: number } = limits,
): Promise<{ readonly text: string; readonly policy: MtaStsPolicy }> {
  const host = `mta-sts.${domain}`;
  const url = new URL(`https://${host}/.well-known/mta-sts.txt`);
  const { status, type, text } = await askHttps(url, settings, { timeoutMs: fetchMs, bytesMax });
  if (status !== 200 || !/^text\/plain\b/iu.test(type)) {
    throw new Error(`${host} answered ${status} with "${type}"`);
  }
  const policy = parseMtaStsPolicy(text);
  if (policy === undefined) throw new Error("It is no policy of MTA-STS version 1");
  return { text, policy };
}
