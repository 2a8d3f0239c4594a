import type { Config } from "@posthouse/service";
import { mtaStsRecord } from "./mta-sts.ts";
import { paccDocument, paccRecord } from "./pacc.ts";
import { clientServersOf } from "./servers.ts";

export interface DnsRecord {
  readonly name: string;
  readonly type: "A" | "AAAA" | "PTR" | "MX" | "TXT" | "TLSA" | "SRV" | "CNAME" | "CAA";
  readonly data: string;
}

/** Service names of RFC 6186 §3, and those of RFC 8314 §5.1 for TLS from the start. */
const serviceOf = {
  imap: { implicit: "_imaps._tcp", starttls: "_imap._tcp" },
  pop3: { implicit: "_pop3s._tcp", starttls: "_pop3._tcp" },
  smtp: { implicit: "_submissions._tcp", starttls: "_submission._tcp" },
} as const;

/** What the DNS of a domain needs for mail programs to find their settings, and for MTA-STS. */
export function clientDnsRecords(
  domain: string,
  config: Pick<Config, "hostname" | "imap" | "pop3" | "smtpIn" | "http">,
): readonly DnsRecord[] {
  const servers = clientServersOf(config);
  const services = Object.entries(serviceOf).flatMap(([protocol, { implicit, starttls }]) =>
    ([implicit, starttls] as const).map((name, priority): DnsRecord => {
      const tls = priority === 0 ? "implicit" : "starttls";
      const server = servers.find((one) => one.protocol === protocol && one.tls === tls);
      return {
        name: `${name}.${domain}`,
        type: "SRV",
        // RFC 6186 §3.4: a target of "." says that there is no such service.
        data:
          server === undefined
            ? "0 0 0 ."
            : `${priority + (protocol === "pop3" ? 10 : 0)} 1 ${server.port} ${server.host}.`,
      };
    }),
  );
  const https = config.http.listeners.find((one) => one.tls === "implicit" && one.port !== 0);
  const target = `${config.hostname}.`;
  const pacc = paccDocument(domain, servers);
  return [
    ...services,
    ...(https === undefined
      ? []
      : ([
          {
            name: `_autodiscover._tcp.${domain}`,
            type: "SRV",
            data: `0 1 ${https.port} ${target}`,
          },
          { name: `autoconfig.${domain}`, type: "CNAME", data: target },
          { name: `autodiscover.${domain}`, type: "CNAME", data: target },
          { name: `mta-sts.${domain}`, type: "CNAME", data: target },
          { name: `_mta-sts.${domain}`, type: "TXT", data: `"${mtaStsRecord(config)}"` },
        ] as const)),
    ...(https === undefined || pacc === undefined
      ? []
      : ([
          { name: `ua-auto-config.${domain}`, type: "CNAME", data: target },
          { name: `_ua-auto-config.${domain}`, type: "TXT", data: `"${paccRecord(pacc)}"` },
        ] as const)),
  ];
}

export const zoneLine = ({ name, type, data }: DnsRecord): string =>
  `${`${name}.`.padEnd(36)} ${type.padEnd(5)} ${data}`;
