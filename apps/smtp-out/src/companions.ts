import {
  type Claim,
  type Companion,
  type Delivery,
  type Destination,
  destinationOf,
  LOCAL,
  type Queue,
} from "@posthouse/queue";
import type { Logger } from "@posthouse/service";
import { limits } from "./limits.ts";
import type { Carrier } from "./recipient-result.ts";

export interface CompanionSettings {
  readonly queue: Pick<Queue, "claimCompanions">;
  readonly log: Logger;
}

/** What may go together with each delivery of a claim. */
export type Companions = ReadonlyMap<Delivery, readonly Companion[]>;

/**
 * Finds the recipients of one message at several domains that have the same hosts, so that it is given to them in
 * one transaction (RFC 5321 §4.5.4.1).
 *
 * Which hosts a domain has is known when the DNS has answered, and by then the other deliveries of the message
 * would be under way by themselves. So they are leased together, right after the claim of the first; those that turn
 * out to go elsewhere, or of which it is not known soon, are given back at once and go their own way. Which ones belong
 * together is remembered for their turn, or a letter to a thousand domains would be leased a thousand times.
 */
export class CompanionFinder {
  readonly #settings: CompanionSettings;
  /** The keys of the destinations of an entry, as far as they were asked for. */
  readonly #known = new Map<string, ReadonlyMap<Destination, string | undefined>>();

  constructor(settings: CompanionSettings) {
    this.#settings = settings;
  }

  /** To be called before the next claim. It does not fail: without companions everything goes by itself. */
  async claimFor({ destination, deliveries }: Claim): Promise<Companions> {
    if (destination === LOCAL) return new Map();
    const claimed = deliveries
      .filter((delivery) => isForOthersToo(delivery, destination))
      .map(async (delivery) => [delivery, await this.#claim(destination, delivery)] as const);
    return new Map((await Promise.all(claimed)).filter(([, companions]) => companions.length > 0));
  }

  /** Those that go the same way, as soon as that is known; the others are given back. */
  async sort(carrier: Carrier, destination: Destination, claimed: Companions): Promise<Companions> {
    const sorted = [...claimed].map(async ([delivery, companions]) => {
      const kept = await this.#fitting(carrier, { destination, delivery }, companions);
      const others = companions.filter((companion) => !kept.includes(companion));
      await Promise.all(others.map((companion) => companion.delivery.release()));
      return [delivery, kept] as const;
    });
    return new Map(await Promise.all(sorted));
  }

  async #claim(destination: Destination, delivery: Delivery): Promise<readonly Companion[]> {
    const { queue, log } = this.#settings;
    const known = this.#known.get(delivery.id);
    const own = known?.get(destination);
    const alike = known && [...known].filter(([name, key]) => name !== destination && key === own);
    if (known?.has(destination) === true && (own === undefined || alike?.length === 0)) return [];
    const destinations =
      known?.has(destination) === true ? alike?.map(([name]) => name) : undefined;
    const deliveriesMax = limits.companionsMax;
    try {
      return await queue.claimCompanions(delivery, {
        ...(destinations !== undefined && { destinations }),
        deliveriesMax,
      });
    } catch (err) {
      log.warn({ err }, "Cannot look for others with the same hosts");
      return [];
    }
  }

  async #fitting(
    carrier: Carrier,
    first: Companion,
    companions: readonly Companion[],
  ): Promise<readonly Companion[]> {
    const keys = new Map<Destination, string | undefined>();
    const asked = [first, ...companions].map(async ({ delivery, destination }) => {
      keys.set(destination, await carrier.sharedKey?.(delivery, destination));
    });
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, limits.companionsWaitMs);
    await Promise.race([Promise.allSettled(asked), late.promise]);
    clearTimeout(timer);
    this.#keep(first.delivery.id, new Map(keys));
    const own = keys.get(first.destination);
    if (own === undefined) return [];
    let recipients = first.delivery.recipients.length;
    return companions.filter(({ destination, delivery }) => {
      if (keys.get(destination) !== own) return false;
      recipients += delivery.recipients.length;
      return recipients <= limits.recipientsPerTransactionMax;
    });
  }

  /** The oldest goes first: a Map keeps the order in which it was filled. */
  #keep(entry: string, keys: ReadonlyMap<Destination, string | undefined>): void {
    const before = this.#known.get(entry);
    this.#known.delete(entry);
    this.#known.set(entry, new Map([...(before ?? []), ...keys]));
    if (this.#known.size <= limits.companionEntriesMax) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

/** Other recipients are not done with yet, and are elsewhere. */
const isForOthersToo = ({ entry, recipients }: Delivery, own: Destination): boolean =>
  entry.envelope.recipients.length - entry.outcomes.size > recipients.length &&
  entry.envelope.recipients.some((recipient, n) => {
    if (recipient.isLocal || entry.outcomes.has(n)) return false;
    return destinationOf(recipient) !== own;
  });
