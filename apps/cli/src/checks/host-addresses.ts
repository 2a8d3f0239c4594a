import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { isPublicAddress } from "@posthouse/service";
import type { Finding } from "./finding.ts";

/** The public addresses of this machine; of IPv6 those that stay, and IPv4 first. */
export function publicAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all
    .filter(({ internal, address }) => !internal && isPublicAddress(address))
    .map(({ address }) => address)
    .sort((a, b) => Number(isIPv6(a)) - Number(isIPv6(b)));
}

export function addressFinding(addresses: readonly string[]): Finding {
  const id = "addresses";
  if (addresses.length === 0) {
    return {
      id,
      state: "bad",
      says: "This machine has no public address of its own",
      fix: "If a router or the provider translates one, name it: --address 192.0.2.25",
    };
  }
  const says = `This machine is ${addresses.join(" and ")}`;
  if (addresses.every((address) => isIPv6(address))) {
    return {
      id,
      state: "warning",
      says: `${says}, and has no IPv4 address`,
      fix: "Hosts without IPv6 cannot send mail here: ask the provider for an IPv4 address",
    };
  }
  return addresses.some((address) => isIPv6(address))
    ? { id, state: "good", says }
    : { id, state: "good", says: `${says}; it has no IPv6 address, which does no harm` };
}
