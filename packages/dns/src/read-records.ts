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

const fieldsOf = (data: unknown): Readonly<Record<string, unknown>> =>
  typeof data === "object" && data !== null ? (data as Readonly<Record<string, unknown>>) : {};
