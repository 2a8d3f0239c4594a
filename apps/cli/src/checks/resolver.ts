import { DnsError, type ZoneReader } from "@posthouse/dns";
import type { Finding } from "./finding.ts";

/** A signed name that everybody can ask for; its domain has had DNSSEC since 2009. */
const SIGNED_NAME = "org";

/** Whether names can be looked up, and whether the answers are validated (DANE needs that). */
export async function resolverFindings(
  resolver: ZoneReader,
  signedName = SIGNED_NAME,
): Promise<readonly Finding[]> {
  try {
    const { isAuthenticated } = await resolver.zoneData(signedName, "SOA");
    return [
      { id: "resolver", state: "good", says: "Names can be looked up" },
      isAuthenticated
        ? { id: "dnssec", state: "good", says: "The resolver validates DNSSEC, so DANE works" }
        : {
            id: "dnssec",
            state: "warning",
            says: "The resolver does not validate DNSSEC on this machine, so mail goes out without DANE",
            fix: "apt-get install unbound, and nameserver 127.0.0.1 in /etc/resolv.conf; it also keeps DNS lists from refusing a public resolver",
          },
    ];
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return [
      {
        id: "resolver",
        state: "bad",
        says: `Names cannot be looked up: ${error.message}`,
        fix: "Look at /etc/resolv.conf, and at the firewall for port 53; apt-get install unbound makes a resolver of your own",
      },
    ];
  }
}
