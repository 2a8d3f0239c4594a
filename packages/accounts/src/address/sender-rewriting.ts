import { createHmac, timingSafeEqual } from "node:crypto";
import { limits } from "../limits.ts";
import { normaliseDomain } from "./domain-name.ts";

/**
 * The Sender Rewriting Scheme: what is sent on bears a sender of ours, since the SPF record of its first sender
 * does not name this host; and a bounce to it finds that sender again, with nothing kept in between.
 *
 *   sam@shop.example                          SRS0=HASH=DAY=shop.example=sam@ours
 *   SRS0=x=y=shop.example=sam@forwarder       SRS1=HASH=forwarder==x=y=shop.example=sam@ours
 *   SRS1=x=first==y@forwarder                 SRS1=HASH=first==y@ours
 *
 * HASH is 40 bits of an HMAC over what follows it, in any letter case, so that nobody else makes addresses
 * through which this host sends to strangers; DAY lets one expire after three weeks. SRS1 leads back to the
 * first forwarder and not through all of them: it knows of DAY.
 */
export class SenderRewriting {
  readonly #key: Buffer;
  readonly #now: () => number;

  constructor(key: Buffer, now: () => number) {
    this.#key = key;
    this.#now = now;
  }

  /** The sender in our domain that stands for this one; undefined where it would be no address. */
  forward(localPart: string, senderDomain: string, domain: string): string | undefined {
    // A quoted local part would have to be quoted as a whole.
    if (localPart.startsWith('"')) return undefined;
    const written = `${this.#localPartFor(localPart, senderDomain)}@${domain}`;
    return Buffer.byteLength(written) <= limits.mailboxBytesMax ? written : undefined;
  }

  /** The sender that a local part of ours stands for; undefined where it is none, forged, or too old. */
  reverse(localPart: string): string | undefined {
    const [, kind = "", hash = "", rest = ""] =
      /^[Ss][Rr][Ss]([01])[=+-]([A-Za-z2-7]{8})=(.+)$/su.exec(localPart) ?? [];
    if (kind === "" || !this.#isHash(hash, rest)) return undefined;
    if (kind === "1") {
      const [, host = "", inner = ""] = /^([^=]+)=([=+-].+)$/su.exec(rest) ?? [];
      return normaliseDomain(host) === undefined ? undefined : `SRS0${inner}@${host}`;
    }
    const [, day = "", host = "", local = ""] =
      /^([A-Za-z2-7]{2})=([^=]+)=(.+)$/su.exec(rest) ?? [];
    if (normaliseDomain(host) === undefined || !this.#isFresh(day)) return undefined;
    return `${local}@${host}`;
  }

  #localPartFor(localPart: string, domain: string): string {
    const [, inner] = /^SRS0([=+-].+)$/isu.exec(localPart) ?? [];
    if (inner !== undefined) return this.#signed("SRS1", `${domain}=${inner}`);
    const [, again] = /^SRS1[=+-][^=]+=([^=]+=[=+-].+)$/isu.exec(localPart) ?? [];
    if (again !== undefined) return this.#signed("SRS1", again);
    return this.#signed("SRS0", `${base32(this.#today(), 2)}=${domain}=${localPart}`);
  }

  #signed(kind: "SRS0" | "SRS1", rest: string): string {
    return `${kind}=${this.#hash(rest)}=${rest}`;
  }

  #hash(rest: string): string {
    const digest = createHmac("sha256", this.#key).update(rest.toLowerCase()).digest();
    return base32(digest.readUIntBE(0, 5), 8);
  }

  #isHash(hash: string, rest: string): boolean {
    return timingSafeEqual(Buffer.from(hash.toLowerCase()), Buffer.from(this.#hash(rest)));
  }

  /** Days begin anew after 1,024 of them. */
  #isFresh(day: string): boolean {
    const [first, second] = [0, 1].map((at) => digits.indexOf(day.toLowerCase().charAt(at)));
    const made = (first ?? 0) * 32 + (second ?? 0);
    const ageDays = (this.#today() - made + DAYS) % DAYS;
    return ageDays <= limits.rewrittenSenderDays;
  }

  #today(): number {
    return Math.floor(this.#now() / (24 * 3600 * 1000)) % DAYS;
  }
}

const DAYS = 1024;
const digits = "abcdefghijklmnopqrstuvwxyz234567";

function base32(number: number, length: number): string {
  let text = "";
  let left = number;
  for (let count = 0; count < length; count++) {
    text = (digits[left % 32] ?? "") + text;
    left = Math.floor(left / 32);
  }
  return text;
}
