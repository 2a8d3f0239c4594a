import { type DkimKeyStore, dnsRecordOf, isRecordOf } from "@posthouse/dkim";
import { DnsError, type Resolver } from "@posthouse/dns";
import type { Logger } from "@posthouse/service";
import { limits } from "./limits.ts";

export interface KeyWatchSettings {
  readonly keys: DkimKeyStore;
  readonly resolver: Resolver;
  readonly log: Logger;
}

/**
 * Begins to sign with a key when its DNS record can be seen, and not before: a signature that nobody can
 * check is as good as none. So a rotation needs no second command and no watch on the clock.
 */
export function watchKeys(settings: KeyWatchSettings): () => void {
  const look = () =>
    void activatePublished(settings).catch((err: unknown) =>
      settings.log.error({ err }, "Cannot look after the DKIM keys"),
    );
  look();
  const timer = setInterval(look, limits.keyWatchEveryMs).unref();
  return () => clearInterval(timer);
}

export async function activatePublished({ keys, resolver, log }: KeyWatchSettings): Promise<void> {
  for (const key of await keys.list()) {
    if (key.state !== "waiting") continue;
    const { name } = dnsRecordOf(key);
    const texts = await textsOf(resolver, name);
    if (!texts.some((text) => isRecordOf(key, text))) continue;
    await keys.activate(key);
    log.info({ domain: key.domain, selector: key.selector }, "Signing with a new DKIM key");
  }
}

async function textsOf(resolver: Resolver, name: string): Promise<readonly string[]> {
  try {
    return (await resolver.txt(name)).records;
  } catch (error) {
    if (error instanceof DnsError) return [];
    throw error;
  }
}
