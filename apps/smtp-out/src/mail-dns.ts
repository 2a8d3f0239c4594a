import {
  DnsError,
  type MxRecord,
  type Resolver,
  type DnsAnswer as ResolverAnswer,
  type TlsaRecord,
} from "@posthouse/dns";

/** What routing asks of the DNS, with every answer as a value: no answer is an exception to a router. */
export interface MailDns {
  /** MX of RFC 5321 §5.1, CNAMEs followed. */
  mx(domain: string): Promise<DnsAnswer<MxRecord>>;
  /** A and AAAA together. */
  addresses(host: string): Promise<DnsAnswer<string>>;
  tlsa(name: string): Promise<DnsAnswer<TlsaRecord>>;
}

export type DnsAnswer<T> =
  | {
      readonly kind: "found";
      readonly records: readonly T[];
      /** A validating resolver on this host vouches for it. */
      readonly isAuthenticated: boolean;
      /** The name that CNAMEs led to. */
      readonly canonicalName: string;
    }
  /** The name is there and has no such record. */
  | { readonly kind: "no-data" }
  /** NXDOMAIN. */
  | { readonly kind: "no-name" }
  /** SERVFAIL, a timeout, nonsense: nothing is known now. */
  | { readonly kind: "unavailable"; readonly reason: string };

export function mailDnsOver(resolver: Resolver): MailDns {
  return {
    mx: (domain) => answerOf(() => resolver.mx(domain)),
    addresses: (host) =>
      answerOf(async () => {
        const { records, ...answer } = await resolver.addresses(host);
        return { ...answer, records: records.map(({ address }) => address) };
      }),
    tlsa: (name) => answerOf(() => resolver.tlsa(name)),
  };
}

async function answerOf<T>(ask: () => Promise<ResolverAnswer<T>>): Promise<DnsAnswer<T>> {
  try {
    const { records, isAuthenticated, canonicalName } = await ask();
    return { kind: "found", records, isAuthenticated, canonicalName };
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    if (error.code === "not-found") return { kind: "no-name" };
    if (error.code === "no-data") return { kind: "no-data" };
    return { kind: "unavailable", reason: error.message };
  }
}
