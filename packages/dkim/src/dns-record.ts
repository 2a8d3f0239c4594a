import { createPublicKey } from "node:crypto";
import type { DkimKey } from "./dkim-key.ts";

export interface DnsRecord {
  readonly name: string;
  readonly text: string;
}

/** The TXT record by which others check signatures of this key: RFC 6376 §3.6.1. */
export function dnsRecordOf(key: Pick<DkimKey, "domain" | "selector" | "privateKey">): DnsRecord {
  const publicKey = createPublicKey(key.privateKey);
  const der = publicKey.export({ format: "der", type: "spki" });
  const isRsa = publicKey.asymmetricKeyType === "rsa";
  // RFC 8463 §4.2: of Ed25519 the 32 octets themselves, which are the last of the SubjectPublicKeyInfo.
  const octets = isRsa ? der : der.subarray(-32);
  return {
    name: `${key.selector}._domainkey.${key.domain}`,
    text: `v=DKIM1; k=${isRsa ? "rsa" : "ed25519"}; p=${octets.toString("base64")}`,
  };
}

/** A line for a zone file: strings of 255 octets at most (RFC 1035 §3.3.14). */
export function zoneLineOf({ name, text }: DnsRecord): string {
  const strings = text.match(/.{1,255}/gu) ?? [];
  const quoted = strings.map((string) => `"${string}"`);
  const value = quoted.length === 1 ? quoted[0] : `( ${quoted.join("\n    ")} )`;
  return `${name}. 3600 IN TXT ${value}`;
}

/** Whether a text found in the DNS publishes this key; other tags and blanks do not matter. */
export function isRecordOf(key: DkimKey, text: string): boolean {
  const published = /(?:^|;)\s*p\s*=([^;]*)/u.exec(text)?.[1]?.replaceAll(/\s/gu, "");
  return dnsRecordOf(key).text.endsWith(`p=${published}`) && published !== "";
}
