export { DnsError, type DnsErrorCode } from "./dns-error.ts";
export { reverseNameOf } from "./domain-name.ts";
export type { AddressRecord, DnsAnswer, MxRecord, TlsaRecord } from "./records.ts";
export { createResolver, type Resolver, type ResolverOptions } from "./resolver.ts";
