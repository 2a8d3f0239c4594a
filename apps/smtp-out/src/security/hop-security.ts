import type { TlsaRecord } from "@posthouse/dns";
import type { MtaStsPolicy } from "@posthouse/mail-auth/mta-sts";
import { isMxNamed } from "@posthouse/mail-auth/mta-sts";
import type { TlsPolicy } from "@posthouse/smtp";
import type { MailDns } from "../mail-dns.ts";
import type { Hop } from "../route.ts";
import { daneRefusal, isUsable } from "./dane.ts";

/** What the administrator asks of the way to a domain at least. */
export type TlsMinimum = "opportunistic" | "encrypted" | "verified";

/** What one host has to show before it gets a message. */
export type HopSecurity =
  /** TLS if it offers it, whatever its certificate. */
  | { readonly kind: "opportunistic" }
  /** TLS, whatever its certificate. */
  | { readonly kind: "encrypted" }
  /** TLS, with a certificate that an authority we know signed, and with its name. */
  | { readonly kind: "verified" }
  /** TLS, with a certificate that its zone names. */
  | {
      readonly kind: "dane";
      readonly records: readonly TlsaRecord[];
      /** For the name in a certificate of a DANE-TA chain (RFC 7672 §3.2.2). */
      readonly names: readonly string[];
      /** The TLSA base domain, and so the name in the handshake (§8.1 there). */
      readonly serverName: string;
    }
  /** It must not get the message at all, and the next one is asked. */
  | { readonly kind: "refused"; readonly reason: string };

export interface SecurityWish {
  readonly domain: string;
  readonly minimum: TlsMinimum;
  readonly sts: MtaStsPolicy | undefined;
  /** The message has REQUIRETLS. */
  readonly isTlsRequired: boolean;
}

/**
 * The strictest of what is asked for. Where a zone has TLSA records they decide, and MTA-STS does not
 * loosen them (RFC 8461 §2): a host that both allow is checked by DANE.
 */
export async function securityOf(
  dns: MailDns,
  { domain, minimum, sts, isTlsRequired }: SecurityWish,
  hop: Hop,
): Promise<HopSecurity> {
  const isEnforced = sts?.mode === "enforce";
  if (sts !== undefined && isEnforced && !isMxNamed(sts, hop.host)) {
    return { kind: "refused", reason: `the MTA-STS policy of ${domain} does not name it` };
  }
  const dane = await daneOf(dns, domain, hop);
  if (dane?.kind === "dane" || dane?.kind === "refused") return dane;
  if (isEnforced || isTlsRequired || minimum === "verified") return { kind: "verified" };
  return dane ?? { kind: minimum === "encrypted" ? "encrypted" : "opportunistic" };
}

/** RFC 7672 §2.2: only behind an MX and addresses that DNSSEC vouches for. */
async function daneOf(dns: MailDns, domain: string, hop: Hop): Promise<HopSecurity | undefined> {
  if (hop.isVouchedFor !== true) return undefined;
  for (const base of new Set([hop.canonicalName ?? hop.host, hop.host])) {
    const answer = await dns.tlsa(`_25._tcp.${base}`);
    if (answer.kind === "unavailable") {
      // §2.1.3: who can hold back the records must not get the mail by it.
      return { kind: "refused", reason: `its TLSA records cannot be had: ${answer.reason}` };
    }
    if (answer.kind !== "found" || !answer.isAuthenticated) continue;
    const records = answer.records.filter(isUsable);
    // §2.2: records of which none can be used still say that there is TLS.
    if (records.length === 0) return { kind: "encrypted" };
    return { kind: "dane", records, names: [base, hop.host, domain], serverName: base };
  }
  return undefined;
}

/** The same for the client. */
export function tlsPolicyOf(
  security: Exclude<HopSecurity, { kind: "refused" }>,
  { host, address }: Hop,
  ca?: string,
): TlsPolicy {
  const named = host === address ? {} : { servername: host };
  const trusted = ca === undefined ? {} : { ca };
  switch (security.kind) {
    case "opportunistic":
      return { mode: "opportunistic", options: { ...named, ...trusted } };
    case "encrypted":
      return { mode: "required", options: { ...named, rejectUnauthorized: false } };
    case "verified":
      return { mode: "required", options: { ...named, ...trusted } };
    case "dane":
      return {
        mode: "required",
        options: { servername: security.serverName, rejectUnauthorized: false },
        verify: (peer) => daneRefusal(peer, security.records, security.names),
      };
  }
}
