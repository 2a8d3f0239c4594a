import { isIPv4, isIPv6 } from "node:net";

/** The address in a literal of RFC 5321 §4.1.3, or undefined when it is none that can be connected to. */
export function parseAddressLiteral(literal: string): string | undefined {
  const match = /^\[(ipv6:)?([^\]]*)\]$/iu.exec(literal);
  if (match === null) return undefined;
  const [, tag, address = ""] = match;
  // isIPv6() takes a zone such as %eth0, which names a network of the sender's choice here.
  if (tag !== undefined) return isIPv6(address) && !address.includes("%") ? address : undefined;
  return isIPv4(address) ? address : undefined;
}
