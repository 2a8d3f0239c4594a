import { BlockList, isIPv6 } from "node:net";

/** What no host of the internet has: RFC 6890, and the addresses that lead back into our own network. */
const special = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["224.0.0.0", 3],
] as const) {
  special.addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  ["::", 127],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  special.addSubnet(network, prefix, "ipv6");
}

/** False for loopback, private, link-local and multicast addresses, also when IPv6 wraps them. */
export const isPublicAddress = (address: string): boolean =>
  !special.check(address, isIPv6(address) ? "ipv6" : "ipv4");
