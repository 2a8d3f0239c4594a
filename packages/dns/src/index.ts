export { DnsError, type DnsErrorCode } from "./dns-error.ts";
export { reverseNameOf } from "./domain-name.ts";
export type { AddressRecord, DnsAnswer, MxRecord, TlsaRecord } from "./records.ts";
export {
  createResolver,
  type Resolver,
  type ResolverOptions,
  type ZoneDataType,
  type ZoneReader,
} from "./resolver.ts";
export { DnsUpdateError, parseTsigKey, sendUpdate, type TsigKey } from "./update.ts";
export type { RecordSet, UpdateRecord } from "./update-message.ts";
export { zoneOf } from "./zone-of.ts";
