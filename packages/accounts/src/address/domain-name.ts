import { domainToASCII, domainToUnicode } from "node:url";
import { limits } from "../limits.ts";

/**
 * The domain in lower case with A-labels, or undefined when it is no domain name.
 *
 * `domainToASCII` is the URL standard's host parser, which does more than IDNA: it undoes percent
 * signs and reads "127.1" and "0x7f.1" as IPv4 addresses. So ASCII that is no host name is refused
 * before, and whatever comes out is checked label by label.
 */
export function normaliseDomain(text: string): string | undefined {
  if (text.length > limits.addressCharsMax) return undefined;
  // ASCII that a host name cannot hold (RFC 1123 §2.1).
  if (/[^-.0-9A-Za-z\u{80}-\u{10FFFF}]/u.test(text)) return undefined;
  const domain = /[^\p{ASCII}]/u.test(text) ? domainToASCII(text) : text.toLowerCase();
  const labels = domain.split(".");
  if (domain.length > limits.domainBytesMax || !labels.every(isLabel)) return undefined;
  // RFC 1123 §2.1: a name whose last label is all digits is an IPv4 address.
  if (/^\d+$/.test(labels.at(-1) ?? "")) return undefined;
  return domain;
}

function isLabel(label: string): boolean {
  if (label.length > limits.labelBytesMax) return false;
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(label)) return false;
  // An A-label that does not decode is a fake one (RFC 5891 §5.4).
  return !label.startsWith("xn--") || domainToUnicode(label) !== label;
}
