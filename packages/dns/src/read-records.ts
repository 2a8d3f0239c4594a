import { isIPv4, isIPv6 } from "node:net";
import { normalName } from "./domain-name.ts";
import type { AddressRecord, MxRecord, TlsaRecord } from "./records.ts";

/**
 * From what dns-packet decoded to our records. A record that is not well-formed is left out, as if it
 * were not there: undefined.
 */
export function readMx(data: unknown): MxRecord | undefined {
  const { preference, exchange } = fieldsOf(data);
  if (typeof preference !== "number" || typeof exchange !== "string") return undefined;
  // RFC 7505 §3: the root as exchange.
  return { preference, exchange: exchange === "." ? "" : normalName(exchange) };
}

export function readA(data: unknown): AddressRecord | undefined {
  return typeof data === "string" && isIPv4(data) ? { address: data, family: 4 } : undefined;
}

export function readAaaa(data: unknown): AddressRecord | undefined {
  return typeof data === "string" && isIPv6(data) ? { address: data, family: 6 } : undefined;
}

/** The strings of one record are one text (RFC 7208 §3.3, RFC 6376 §3.6.2.2). */
export function readTxt(data: unknown): string | undefined {
  const strings = Array.isArray(data) ? data : [data];
  if (!strings.every((string) => Buffer.isBuffer(string) || typeof string === "string"))
    return undefined;
  return Buffer.concat(strings.map((string) => Buffer.from(string))).toString("utf8");
}

export function readTlsa(data: unknown): TlsaRecord | undefined {
  const { usage, selector, matchingType, certificate } = fieldsOf(data);
  const numbers = [usage, selector, matchingType];
  if (!numbers.every((number) => typeof number === "number")) return undefined;
  if (!Buffer.isBuffer(certificate)) return undefined;
  return data as TlsaRecord;
}

export function readPtr(data: unknown): string | undefined {
  return typeof data === "string" ? normalName(data) : undefined;
}

/** RFC 2782, RFC 8659 §4.1.1, RFC 1035 §5: the data as a zone file has it. */
export function zoneDataOf(
  type: "SRV" | "CAA" | "CNAME" | "SOA",
  data: unknown,
): string | undefined {
  if (type === "CNAME") return typeof data === "string" ? `${normalName(data)}.` : undefined;
  const fields = fieldsOf(data);
  if (type === "SRV") {
    const { priority, weight, port, target } = fields;
    if (typeof port !== "number" || typeof target !== "string") return undefined;
    return `${Number(priority)} ${Number(weight)} ${port} ${normalName(target)}.`;
  }
  if (type === "CAA") {
    const { flags, tag, value } = fields;
    if (typeof tag !== "string" || typeof value !== "string") return undefined;
    return `${Number(flags)} ${tag.toLowerCase()} "${value}"`;
  }
  const { mname, rname, serial } = fields;
  if (typeof mname !== "string" || typeof rname !== "string") return undefined;
  return `${normalName(mname)}. ${normalName(rname)}. ${Number(serial)}`;
}

const fieldsOf = (data: unknown): Readonly<Record<string, unknown>> =>
  typeof data === "object" && data !== null ? (data as Readonly<Record<string, unknown>>) : {};
