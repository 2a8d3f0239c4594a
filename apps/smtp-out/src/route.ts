import { isIPv6 } from "node:net";
import type { MxRecord } from "@posthouse/dns";
import type { Destination } from "@posthouse/queue";
import type { Reply } from "@posthouse/smtp";
import { parseAddressLiteral } from "./address-literal.ts";
import { limits } from "./limits.ts";
import type { DnsAnswer, MailDns } from "./mail-dns.ts";

/** One address to connect to. */
export interface Hop {
  /** The MX host's name, for TLS and for people; the address where there is no name. */
  readonly host: string;
  readonly address: string;
  /** DNSSEC vouches for the MX that led here and for the address: what DANE needs (RFC 7672 §2.2). */
  readonly isVouchedFor?: boolean;
  /** The name that CNAMEs of the host led to. */
  readonly canonicalName?: string;
}

export type Route =
  /**
   * In the order in which they are to be tried. `hosts` is the same for destinations whose mail hosts are the same,
   * in the same order of preference, and is absent when DNSSEC vouches for one: then its zone may ask for more.
   */
  | { readonly kind: "hops"; readonly hops: readonly Hop[]; readonly hosts?: string }
  /** Why there is no way: 5yz for good, 4yz for now. */
  | { readonly kind: "none"; readonly reply: Reply };

export interface RouteSettings {
  readonly dns: MailDns;
  /** Is this host or address ourselves? Mail sent there comes back for ever (RFC 5321 §6.3). */
  readonly isOurselves: (host: string, address?: string) => boolean;
  /** [0, 1), for the order among equals. */
  readonly random: () => number;
}

/** Finds the hosts that take mail for a destination: RFC 5321 §5.1. */
export async function findRoute(settings: RouteSettings, destination: Destination): Promise<Route> {
  if (destination.startsWith("[")) return literalRoute(settings, destination);
  if (!isDomain(destination)) return none(553, "5.1.3", `"${destination}" is not a domain name`);
  const answer = await settings.dns.mx(destination);
  switch (answer.kind) {
    case "unavailable":
      return none(451, "4.4.3", `The DNS gives no answer about ${destination}: ${answer.reason}`);
    case "no-name":
      return none(550, "5.1.2", `The domain ${destination} does not exist`);
    case "no-data":
      // RFC 5321 §5.1: without MX the domain itself is its mail host, with preference 0.
      return routeOver(settings, destination, {
        records: [{ preference: 0, exchange: destination }],
        isAuthenticated: true,
      });
    case "found":
      return isNullMx(answer.records)
        ? none(556, "5.1.10", `The domain ${destination} says that it accepts no mail`)
        : routeOver(settings, destination, answer);
  }
}

/** RFC 7505 §3: a single record, and its host is the root. */
const isNullMx = (records: readonly MxRecord[]): boolean =>
  records.length === 1 && records[0]?.exchange === "";

function literalRoute({ isOurselves }: RouteSettings, literal: string): Route {
  const address = parseAddressLiteral(literal);
  if (address === undefined) return none(553, "5.1.3", `${literal} is not an address literal`);
  if (isOurselves(address, address)) return loop(literal);
  return { kind: "hops", hops: [{ host: address, address }] };
}

async function routeOver(
  settings: RouteSettings,
  domain: string,
  mx: { readonly records: readonly MxRecord[]; readonly isAuthenticated: boolean },
): Promise<Route> {
  const sorted = inOrder(mx.records, settings.random).slice(0, limits.exchangesMax);
  const exchanges = await Promise.all(
    sorted.map(async (record) => ({
      ...record,
      answer: await addressesOf(settings.dns, record.exchange),
    })),
  );
  const ourselves = exchanges.find(({ exchange, answer }) =>
    isOurExchange(settings, exchange, answer),
  );
  // RFC 5321 §5.1: when we are in the list, only hosts that are preferred to us may be tried.
  const usable = exchanges.filter(
    ({ preference }) => ourselves === undefined || preference < ourselves.preference,
  );
  if (ourselves !== undefined && usable.length === 0) return loop(domain);
  const hops = usable.flatMap(({ exchange, answer }) =>
    answer.kind === "found"
      ? inTurns(answer.records).map((address) => ({
          host: exchange,
          address,
          isVouchedFor: mx.isAuthenticated && answer.isAuthenticated,
          canonicalName: answer.canonicalName,
        }))
      : [],
  );
  if (hops.length > 0) {
    const hosts = hops.some(({ isVouchedFor }) => isVouchedFor) ? undefined : inWords(usable);
    return {
      kind: "hops",
      hops: hops.slice(0, limits.addressesPerAttemptMax),
      ...(hosts !== undefined && { hosts }),
    };
  }
  return nowhere(
    domain,
    usable.map(({ answer }) => answer),
  );
}

/** Whatever the numbers and the lot were, it is their order that counts. */
function inWords(records: readonly MxRecord[]): string {
  const steps = [...new Set(records.map(({ preference }) => preference))];
  return records
    .map(({ preference, exchange }) => `${steps.indexOf(preference)} ${exchange.toLowerCase()}`)
    .sort()
    .join();
}

/** Lowest preference first; among equals by lot, which spreads the load (RFC 5321 §5.1). */
export function inOrder(records: readonly MxRecord[], random: () => number): MxRecord[] {
  return records
    .map((record) => ({ record, lot: random() }))
    .sort((a, b) => a.record.preference - b.record.preference || a.lot - b.lot)
    .map(({ record }) => record);
}

/** IPv6 and IPv4 by turns, so that a family that does not work costs one attempt and not the host. */
export function inTurns(addresses: readonly string[]): string[] {
  const six = addresses.filter((address) => isIPv6(address));
  const four = addresses.filter((address) => !isIPv6(address));
  const turns: string[] = [];
  for (let n = 0; n < Math.max(six.length, four.length); n += 1) {
    turns.push(...[six[n], four[n]].filter((address) => address !== undefined));
  }
  return turns;
}

/** An MX that names an address breaks RFC 5321 §5.1, and means that address. A root among others means nothing. */
async function addressesOf(dns: MailDns, exchange: string): Promise<DnsAnswer<string>> {
  if (exchange === "") return { kind: "no-name" };
  const literal = parseAddressLiteral(`[${exchange}]`);
  if (literal !== undefined) {
    return { kind: "found", records: [literal], isAuthenticated: false, canonicalName: exchange };
  }
  return isDomain(exchange) ? await dns.addresses(exchange) : { kind: "no-name" };
}

function isOurExchange(
  { isOurselves }: RouteSettings,
  exchange: string,
  answer: DnsAnswer<string>,
): boolean {
  if (isOurselves(exchange)) return true;
  return (
    answer.kind === "found" && answer.records.some((address) => isOurselves(exchange, address))
  );
}

function nowhere(domain: string, answers: readonly DnsAnswer<string>[]): Route {
  const unavailable = answers.find((answer) => answer.kind === "unavailable");
  if (unavailable !== undefined) {
    const text = `The DNS gives no addresses for the mail hosts of ${domain}: ${unavailable.reason}`;
    return none(451, "4.4.3", text);
  }
  // RFC 5321 §5.1: MX records of which none is usable are an error to be reported.
  return none(550, "5.4.4", `The mail hosts of ${domain} have no addresses`);
}

const loop = (destination: string): Route =>
  none(
    554,
    "5.4.6",
    `Mail for ${destination} would come back to this host, which does not know it`,
  );

const none = (code: number, enhanced: string, text: string): Route => ({
  kind: "none",
  reply: { code, enhanced, text },
});

/** Letters, digits, hyphens and underscores in labels of 63 and a name of 253 octets: RFC 1035 §2.3.4. */
const isDomain = (name: string): boolean =>
  name.length <= 253 && /^(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/iu.test(name);
