export { autoconfigXml } from "./autoconfig.ts";
export { autodiscoverAddressOf, autodiscoverJson, autodiscoverXml } from "./autodiscover.ts";
export { clientDnsRecords, zoneLine } from "./dns-records.ts";
export { mobileConfig } from "./mobileconfig.ts";
export { mtaStsPolicy, mtaStsRecord } from "./mta-sts.ts";
export { type ClientServer, clientServersOf } from "./servers.ts";
