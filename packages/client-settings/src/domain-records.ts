import { isIPv6 } from "node:net";
import { reportsLocalPart } from "@posthouse/accounts";
import { reverseNameOf } from "@posthouse/dns";
import type { Config } from "@posthouse/service";
import { clientDnsRecords, type DnsRecord } from "./dns-records.ts";

export interface PlannedRecord extends DnsRecord {
  /** One sentence for who publishes it. */
  readonly why: string;
  /** Who can publish it: PTR records belong to whoever gave the address. */
  readonly by: "you" | "provider";
  /** Mail comes and goes without it. */
  readonly isOptional: boolean;
}

export interface DomainFacts {
  /** The public addresses of this host. */
  readonly addresses: readonly string[];
  /** Of the DKIM keys. */
  readonly dkim: readonly { readonly name: string; readonly text: string }[];
  /** `3 1 1 …` of a certificate whose key stays, and of the key that comes next. */
  readonly tlsa?: readonly string[];
}

/** Every record that a domain needs for its mail, and its host for being a mail server; in the order of need. */
export function domainDnsRecords(
  domain: string,
  config: Config,
  facts: DomainFacts,
): readonly PlannedRecord[] {
  return [
    ...hostRecords(config.hostname, facts.addresses),
    needed(domain, "MX", `10 ${config.hostname}.`, "Mail for the domain comes here"),
    needed(domain, "TXT", quoted(spf(config)), "SPF: who sends mail of the domain (RFC 7208)"),
    ...(config.hostname === domain
      ? []
      : [
          optional(
            config.hostname,
            "TXT",
            quoted("v=spf1 a -all"),
            "SPF of this host's own name, which bounces are checked by (RFC 7208 §2.4)",
          ),
        ]),
    ...facts.dkim.map(({ name, text }) =>
      needed(
        name,
        "TXT",
        quoted(text),
        "DKIM: the key that signatures are checked with (RFC 6376)",
      ),
    ),
    needed(
      `_dmarc.${domain}`,
      "TXT",
      quoted(`v=DMARC1; p=none; rua=mailto:${reportsLocalPart}@${domain}`),
      "DMARC: large providers want one; make it p=quarantine when the reports show no mail of yours that fails",
    ),
    optional(
      `_smtp._tls.${domain}`,
      "TXT",
      quoted(`v=TLSRPTv1; rua=mailto:${reportsLocalPart}@${domain}`),
      "Other hosts report here when TLS with this one fails (RFC 8460)",
    ),
    ...tlsaRecords(config, facts.tlsa),
    ...clientDnsRecords(domain, config).map((record): PlannedRecord => {
      return { ...record, why: whyOf(record), by: "you", isOptional: true };
    }),
    ...caaRecords(config),
  ];
}

function hostRecords(hostname: string, addresses: readonly string[]): readonly PlannedRecord[] {
  return addresses.flatMap((address): PlannedRecord[] => [
    needed(hostname, isIPv6(address) ? "AAAA" : "A", address, "Where this host is"),
    {
      name: reverseNameOf(address) ?? address,
      type: "PTR",
      data: `${hostname}.`,
      why: "The name of this host's address: without it many hosts refuse its mail",
      by: "provider",
      isOptional: false,
    },
  ]);
}

/** With a relay on the way out the relay's addresses send too. */
function spf({ smtpOut }: Config): string {
  const relay = smtpOut.routes.find(({ via, to }) => via !== undefined && to === undefined)?.via;
  const host = relay === undefined ? undefined : /^\w+:\/\/([^:/[\]]+)/.exec(relay)?.[1];
  return host === undefined ? "v=spf1 mx -all" : `v=spf1 mx a:${host} ~all`;
}

/** Only for a port 25 that is the internet's: DANE of other ports nobody asks for. */
const tlsaRecords = (
  { hostname }: Config,
  tlsa: readonly string[] = [],
): readonly PlannedRecord[] =>
  tlsa.map((data) =>
    optional(
      `_25._tcp.${hostname}`,
      "TLSA",
      data,
      "DANE: other hosts insist on this key (RFC 7672); it counts where the zone is signed with DNSSEC",
    ),
  );

/** At the host's own name, so that nothing is said of the domain's web server; names that are a CNAME to it follow. */
const caaRecords = ({ hostname, acme }: Config): readonly PlannedRecord[] =>
  acme.isOn && /^https:\/\/[\w.-]+\.letsencrypt\.org\//.test(acme.directoryUrl)
    ? [
        optional(
          hostname,
          "CAA",
          '0 issue "letsencrypt.org"',
          "Nobody else gives out certificates for this host (RFC 8659)",
        ),
      ]
    : [];

function whyOf({ name, type }: DnsRecord): string {
  if (name.startsWith("_mta-sts.") || name.startsWith("mta-sts.")) {
    return "MTA-STS: other hosts send here with TLS only (RFC 8461)";
  }
  return type === "SRV"
    ? "Mail programs find their servers (RFC 6186)"
    : "Mail programs find their settings";
}

const needed = (
  name: string,
  type: DnsRecord["type"],
  data: string,
  why: string,
): PlannedRecord => ({ name, type, data, why, by: "you", isOptional: false });

const optional = (
  name: string,
  type: DnsRecord["type"],
  data: string,
  why: string,
): PlannedRecord => ({ name, type, data, why, by: "you", isOptional: true });

/** A string has 255 octets at most (RFC 1035 §3.3.14); readers join them. */
const quoted = (text: string): string =>
  (text.match(/.{1,255}/gu) ?? [""]).map((piece) => `"${piece}"`).join(" ");
