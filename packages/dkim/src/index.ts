export { type SealOptions, sealFields } from "./arc-seal.ts";
export { type DkimAlgorithm, type DkimKey, dkimAlgorithms } from "./dkim-key.ts";
export { type DnsRecord, dnsRecordOf, isRecordOf, zoneLineOf } from "./dns-record.ts";
export { DkimKeyError, DkimKeyStore, recordNeededUntilMs } from "./key-store.ts";
export { type SignOptions, signatureFields } from "./sign.ts";
