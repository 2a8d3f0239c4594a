import { BlockList, isIPv4, isIPv6 } from "node:net";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/**
 * Who counts as one when failures are counted: an IPv4 address, or the 64 bits of IPv6 that one
 * customer is given at least. Undefined for this host itself: webmail on it logs in for everybody, and
 * a ban would shut all of them out.
 */
export function networkOf(remoteAddress: string): string | undefined {
  const address = remoteAddress.replace(/%.*$/, "").toLowerCase();
  const [, mapped = address] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address) ?? [];
  if (isIPv4(mapped)) return loopback.check(mapped, "ipv4") ? undefined : mapped;
  if (!isIPv6(address)) return address;
  return loopback.check(address, "ipv6") ? undefined : `${firstHalf(address)}::/64`;
}

/**
 * Around where somebody is: providers give the addresses of one IPv4 network of 24 bits, or one IPv6
 * network of 64, to the same people on other days.
 */
export function neighbourhoodOf(network: string): string {
  return isIPv4(network) ? network.replace(/\d+$/, "0/24") : network;
}

/** The first four groups of an IPv6 address, without leading zeros. */
function firstHalf(address: string): string {
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  // A dotted end stands for two groups.
  const afterCount = after.length + (after.at(-1)?.includes(".") ? 1 : 0);
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - afterCount);
  return [...groups, ...Array.from({ length: zeros }, () => "0"), ...after]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}
