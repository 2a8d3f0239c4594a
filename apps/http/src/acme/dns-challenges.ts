import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import {
  createResolver,
  DnsError,
  parseTsigKey,
  type RecordSet,
  sendUpdate,
  type ZoneReader,
  zoneOf,
} from "@posthouse/dns";
import { OrderFailure } from "./order-failure.ts";
import type { Challenge, Prover } from "./prover.ts";

const TTL_SECONDS = 60;

interface Place {
  readonly zone: string;
  readonly set: RecordSet;
}

/**
 * DNS-01 (RFC 8555 §8.4): a TXT record, put into the zone by dynamic update (RFC 2136) while an order runs. An
 * alias at `_acme-challenge.NAME` is followed, so that a zone of its own may take the updates.
 */
export class DnsChallenges implements Prover {
  readonly type = "dns-01";
  readonly #server: string;
  readonly #key: string | undefined;
  readonly #waitMs: number;
  readonly #presented: Place[] = [];

  constructor(options: {
    readonly server: string;
    readonly waitMs: number;
    readonly key?: string;
  }) {
    this.#server = options.server;
    this.#key = options.key;
    this.#waitMs = options.waitMs;
  }

  async present({ name, keyAuthorization }: Challenge): Promise<void> {
    const digest = createHash("sha256").update(keyAuthorization).digest("base64url");
    const place = await this.#placeOf(`_acme-challenge.${name}`);
    await this.#update(place, [digest]);
    this.#presented.push(place);
    await wait(this.#waitMs);
  }

  async clear(): Promise<void> {
    for (const place of this.#presented.splice(0)) await this.#update(place, []);
  }

  async #update({ zone, set }: Place, texts: readonly string[]): Promise<void> {
    await sendUpdate({
      server: this.#server,
      zone,
      clear: [set],
      add: texts.map((text) => ({ ...set, ttlSeconds: TTL_SECONDS, data: `"${text}"` })),
      ...(this.#key !== undefined && { key: parseTsigKey(this.#key) }),
    });
  }

  async #placeOf(challengeName: string): Promise<Place> {
    const resolver = createResolver({ servers: [this.#server] });
    try {
      const name = await aliasOf(challengeName, resolver);
      const zone = await zoneOf(name, resolver);
      if (zone === undefined) throw new OrderFailure(`acme.dns_server has no zone for ${name}`);
      return { zone, set: { name, type: "TXT" } };
    } finally {
      resolver.close();
    }
  }
}

async function aliasOf(name: string, resolver: ZoneReader): Promise<string> {
  try {
    const [target] = (await resolver.zoneData(name, "CNAME")).records;
    return target === undefined ? name : target.replace(/\.$/, "");
  } catch (error) {
    if (error instanceof DnsError) return name;
    throw error;
  }
}
