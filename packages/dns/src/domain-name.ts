import { isIPv4, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";

/**
 * A name as it is asked for: A-labels, lower case, without the trailing dot. Undefined for what cannot
 * be a name. domainToASCII() alone lets `a..b` and overlong labels pass, so they are checked after it.
 */
export function toAskedName(name: string): string | undefined {
  const withoutDot = name.endsWith(".") ? name.slice(0, -1) : name;
  const ascii = /^\p{ASCII}*$/u.test(withoutDot) ? withoutDot : domainToASCII(withoutDot);
  const lower = ascii.toLowerCase();
  return isDomainName(lower) ? lower : undefined;
}

// RFC 1035 §2.3.4: 63 octets a label and 255 a name on the wire, which is 253 as text.
function isDomainName(name: string): boolean {
  if (name.length === 0 || name.length > 253) return false;
  // The underscore is for names of services: `_25._tcp`, `_dmarc` (RFC 8552 §1.1).
  return name.split(".").every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/u.test(label));
}

/** Names are equal without regard to case (RFC 4343 §3) and trailing dot. */
export const normalName = (name: string): string => name.toLowerCase().replace(/\.$/u, "");

/** The name that the PTR records of an address have; undefined when it is no address. */
export function reverseNameOf(address: string): string | undefined {
  const plain = address.replace(/%.*$/su, "").replace(/^::ffff:(?=\d+\.)/iu, "");
  // RFC 1035 §3.5
  if (isIPv4(plain)) return `${plain.split(".").reverse().join(".")}.in-addr.arpa`;
  // RFC 3596 §2.5
  if (isIPv6(plain)) return `${nibblesOf(plain).split("").reverse().join(".")}.ip6.arpa`;
  return undefined;
}

/** The 32 hex digits of an IPv6 address. */
export function nibblesOf(address: string): string {
  const withoutDots = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/u, (_, ...octets: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = octets.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = "", tail] = withoutDots.split("::", 2);
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => "0");
  return [...first, ...zeros, ...last]
    .map((group) => group.padStart(4, "0"))
    .join("")
    .toLowerCase();
}
