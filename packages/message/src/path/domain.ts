import { domainBytesMax } from "../limits.ts";
import { isAscii, octetsFromText } from "../octets.ts";
import { PathError } from "./path-error.ts";

/** RFC 1035 §2.3.4. */
const labelBytesMax = 63;

const asciiLabel = /^[0-9a-z](?:[0-9a-z-]*[0-9a-z])?$/i;

/**
 * RFC 6531 §3.3 allows U-labels. Whether IDNA knows one is not decided here; what can be in none is
 * refused: ASCII that is not of a label, controls, spaces, and the dots that IDNA maps to ".".
 */
const unicodeLabel =
  /^(?!-)(?:[0-9a-z-]|[^\0-\x7f\p{C}\p{Z}\u3002\uff0e\uff61]|\u200c|\u200d)+(?<!-)$/iu;

/** Throws PathError unless this is a Domain or an address-literal (RFC 5321 §4.1.2, §4.1.3). */
export function checkDomain(domain: string): void {
  if (domain === "") throw new PathError("syntax", "The address has no domain");
  if (octetsFromText(domain).length > domainBytesMax) {
    throw new PathError("too-long", `The domain is longer than ${domainBytesMax} octets`);
  }
  if (domain.startsWith("[")) checkAddressLiteral(domain);
  else for (const label of domain.split(".")) checkLabel(label);
}

function checkLabel(label: string): void {
  if (label === "") throw new PathError("syntax", "The domain has an empty label");
  if (label.length > labelBytesMax) {
    throw new PathError("too-long", `A label of the domain is longer than ${labelBytesMax} octets`);
  }
  if (!(isAscii(label) ? asciiLabel : unicodeLabel).test(label)) {
    throw new PathError("syntax", "The domain has a character that no domain has");
  }
}

function checkAddressLiteral(literal: string): void {
  const inside = literal.endsWith("]") ? literal.slice(1, -1) : "";
  const isAddress = /^ipv6:/i.test(inside) ? isIpv6(inside.slice(5)) : isIpv4(inside);
  // General-address-literal: no tag but IPv6 was ever registered.
  if (!isAddress) throw new PathError("syntax", "The address literal is neither IPv4 nor IPv6");
}

function isIpv4(text: string): boolean {
  const numbers = text.split(".");
  return (
    numbers.length === 4 &&
    numbers.every((number) => /^\d{1,3}$/.test(number) && Number(number) < 256)
  );
}

function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.map((half, at) => groupsOf(half, at === halves.length - 1));
  if (groups.includes(undefined)) return false;
  const count = groups.reduce<number>((sum, group) => sum + (group ?? 0), 0);
  // "::" stands for two groups at least, so six may be written beside it.
  return halves.length === 2 ? count <= 6 : count === 8;
}

/** How many groups of 16 bits are written; undefined when one of them is none. */
function groupsOf(half: string, mayEndInIpv4: boolean): number | undefined {
  if (half === "") return 0;
  const groups = half.split(":");
  const last = groups.at(-1) ?? "";
  const hasIpv4 = mayEndInIpv4 && last.includes(".");
  if (hasIpv4 && !isIpv4(last)) return undefined;
  const hex = hasIpv4 ? groups.slice(0, -1) : groups;
  if (!hex.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return hex.length + (hasIpv4 ? 2 : 0);
}
