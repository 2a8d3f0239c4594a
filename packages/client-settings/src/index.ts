export { autoconfigXml } from "./autoconfig.ts";
export { autodiscoverAddressOf, autodiscoverJson, autodiscoverXml } from "./autodiscover.ts";
export { clientDnsRecords, type DnsRecord, zoneLine } from "./dns-records.ts";
export { type DomainFacts, domainDnsRecords, type PlannedRecord } from "./domain-records.ts";
export { mobileConfig } from "./mobileconfig.ts";
export { mtaStsPolicy, mtaStsRecord } from "./mta-sts.ts";
export { paccDocument, paccRecord } from "./pacc.ts";
export { type ClientServer, clientServersOf } from "./servers.ts";
