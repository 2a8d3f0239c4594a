import { DnsError, type MxRecord, type Resolver } from "@posthouse/dns";

/** What routing asks of the DNS, with every answer as a value: no answer is an exception to a router. */
export interface MailDns {
  /** MX of RFC 5321 §5.1, CNAMEs followed. */
  mx(domain: string): Promise<DnsAnswer<MxRecord>>;
  /** A and AAAA together. */
  addresses(host: string): Promise<DnsAnswer<string>>;
}

export type DnsAnswer<T> =
  | { readonly kind: "found"; readonly records: readonly T[] }
  /** The name is there and has no such record. */
  | { readonly kind: "no-data" }
  /** NXDOMAIN. */
  | { readonly kind: "no-name" }
  /** SERVFAIL, a timeout, nonsense: nothing is known now. */
  | { readonly kind: "unavailable"; readonly reason: string };

export function mailDnsOver(resolver: Resolver): MailDns {
  return {
    mx: (domain) => answerOf(async () => (await resolver.mx(domain)).records),
    addresses: (host) =>
      answerOf(async () => {
        const { records } = await resolver.addresses(host);
        return records.map(({ address }) => address);
      }),
  };
}

async function answerOf<T>(ask: () => Promise<readonly T[]>): Promise<DnsAnswer<T>> {
  try {
    return { kind: "found", records: await ask() };
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    if (error.code === "not-found") return { kind: "no-name" };
    if (error.code === "no-data") return { kind: "no-data" };
    return { kind: "unavailable", reason: error.message };
  }
}
