import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { DnsError, type Resolver } from "@posthouse/dns";
import { isPublicAddress, type Logger } from "@posthouse/service";
import { limits } from "./limits.ts";
import type { Hop } from "./route.ts";

export interface SourceAddressesSettings {
  readonly resolver: Pick<Resolver, "ptr" | "addresses">;
  /** What we say in EHLO. */
  readonly heloName: string;
  readonly log: Logger;
  readonly now: () => number;
  /** The address of this host that packets to another one leave from; undefined when none does. */
  readonly sourceTowards?: (address: string) => Promise<string | undefined>;
}

/** "unknown": the DNS does not answer now, or the address is translated on its way and nobody sees it. */
type Standing =
  | { readonly kind: "good" | "unknown" }
  | { readonly kind: "bad"; readonly reason: string };

interface Known {
  readonly standing: Promise<Standing>;
  readonly untilMs: number;
}

/**
 * Whether our own addresses are fit to send mail from. Large providers refuse mail from an address that the
 * DNS does not call by the name that we greet with, and that name by the address; and often for good, so that
 * a message is lost to its sender which would have arrived over the other family.
 *
 * So an address that is not fit is not used where there is another. When there is none it is used after
 * all: many hosts take the mail, and those that do not say why.
 */
export class SourceAddresses {
  readonly #settings: SourceAddressesSettings;
  readonly #sourceTowards: (address: string) => Promise<string | undefined>;
  readonly #known = new Map<string, Known>();
  readonly #problems = new Map<string, string>();

  constructor(settings: SourceAddressesSettings) {
    this.#settings = settings;
    this.#sourceTowards = settings.sourceTowards ?? sourceTowards;
  }

  /** Looks at those that are configured and at those that the system takes by itself, now and every hour. The result ends it. */
  watch(configured: readonly string[]): () => void {
    const look = () => void this.check(configured);
    look();
    const timer = setInterval(look, limits.sourceCheckEveryMs).unref();
    return () => clearInterval(timer);
  }

  async check(configured: readonly string[]): Promise<void> {
    const usual = await Promise.all(probes.map((address) => this.#sourceTowards(address)));
    const all = [...new Set([...configured, ...usual].filter((one) => one !== undefined))];
    await Promise.all(all.map((address) => this.#standingOf(address)));
  }

  /** What is wrong with our addresses, a sentence each. */
  problems(): readonly string[] {
    return [...this.#problems.values()];
  }

  /** These hops without those that we would come to from an address that is not fit; all when none is left. */
  async fitFor(hops: readonly Hop[], sources: readonly string[]): Promise<readonly Hop[]> {
    const standings = await Promise.all(
      hops.map(async ({ address }) => {
        const source = sourceFor(sources, address) ?? (await this.#sourceTowards(address));
        return source === undefined ? undefined : (await this.#standingOf(source)).kind;
      }),
    );
    const fit = hops.filter((_, n) => standings[n] !== "bad");
    // Without any source there is no way to it at all: that is no better than a bad one.
    return standings.some((kind) => kind === "good" || kind === "unknown") ? fit : hops;
  }

  #standingOf(address: string): Promise<Standing> {
    const nowMs = this.#settings.now();
    const known = this.#known.get(address);
    if (known !== undefined && nowMs < known.untilMs) return known.standing;
    const standing = this.#look(address);
    // It is mended by people who wait for it to work; the DNS's own TTLs hold beneath this.
    this.#known.set(address, { standing, untilMs: nowMs + limits.sourceKnownMs });
    return standing;
  }

  async #look(address: string): Promise<Standing> {
    const standing = await this.#ask(address);
    const { log } = this.#settings;
    const problem = standing.kind === "bad" ? standing.reason : undefined;
    if (problem !== undefined && this.#problems.get(address) !== problem) {
      log.warn({ address }, problem);
    }
    if (problem !== undefined) this.#problems.set(address, problem);
    else if (standing.kind === "good" && this.#problems.delete(address)) {
      log.info({ address }, "The DNS calls this address by our name now");
    }
    return standing;
  }

  async #ask(address: string): Promise<Standing> {
    if (!isPublicAddress(address)) return { kind: "unknown" };
    const { heloName } = this.#settings;
    const names = await this.#namesOf(address);
    if (names === undefined) return { kind: "unknown" };
    const toFix = `Whoever gave you the address has to set its PTR record to ${heloName}`;
    if (names.length === 0) {
      const reason = `${address} has no name in the DNS, and many hosts refuse mail from such addresses. ${toFix}`;
      return { kind: "bad", reason };
    }
    if (!names.includes(heloName.toLowerCase())) {
      const reason = `The DNS calls ${address} ${names.slice(0, limits.ownNamesToldMax).join(", ")}, and this host greets as ${heloName}: many hosts refuse that. ${toFix}, or "hostname" in the configuration has to be that name`;
      return { kind: "bad", reason };
    }
    const addresses = await this.#addressesOf(heloName, isIPv6(address) ? 6 : 4);
    if (addresses === undefined) return { kind: "unknown" };
    if (addresses.some((one) => canonical(one) === canonical(address))) return { kind: "good" };
    const type = isIPv6(address) ? "AAAA" : "A";
    const reason = `The DNS calls ${address} ${heloName}, and ${heloName} does not lead back to it: many hosts refuse that. Give ${heloName} an ${type} record with ${address}`;
    return { kind: "bad", reason };
  }

  async #namesOf(address: string): Promise<readonly string[] | undefined> {
    const names = await recordsOf(() => this.#settings.resolver.ptr(address));
    return names?.map((name) => name.toLowerCase().replace(/\.$/u, ""));
  }

  async #addressesOf(name: string, family: 4 | 6): Promise<readonly string[] | undefined> {
    const records = await recordsOf(() => this.#settings.resolver.addresses(name, family));
    return records?.map(({ address }) => address);
  }
}

/** None when the DNS says that there are none; undefined when it does not answer. */
async function recordsOf<T>(
  ask: () => Promise<{ readonly records: readonly T[] }>,
): Promise<readonly T[] | undefined> {
  try {
    return (await ask()).records;
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return error.code === "not-found" || error.code === "no-data" ? [] : undefined;
  }
}

/** The configured one of the same family. */
export const sourceFor = (sources: readonly string[], address: string): string | undefined =>
  sources.find((source) => isIPv6(source) === isIPv6(address));

/** Addresses of documentation: the usual way out leads to them, and no packet is sent. */
const probes = ["192.0.2.1", "2001:db8::1"] as const;

/** Asks the system's routes: a UDP socket that is connected sends nothing, and has the address that it would. */
async function sourceTowards(address: string): Promise<string | undefined> {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      // It gives an error to its callback, whatever its type says.
      socket.connect(25, address, (...[error]: readonly Error[]) =>
        error === undefined ? resolve() : reject(error),
      );
    });
    return socket.address().address;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

/** One text for each address, however it is written. */
const canonical = (address: string): string =>
  isIPv6(address) ? new URL(`http://[${address}]/`).hostname : address;
