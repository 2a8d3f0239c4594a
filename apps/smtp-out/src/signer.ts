import { type DkimKey, type DkimKeyStore, sealFields, signatureFields } from "@posthouse/dkim";
import type { Delivery } from "@posthouse/queue";
import type { Envelope } from "@posthouse/smtp/envelope";
import { limits } from "./limits.ts";

interface Signed {
  readonly fields: Promise<Buffer>;
  readonly atMs: number;
}

/**
 * Signs by DKIM what our people and our own programs send to other hosts.
 *
 * Mail that came from outside and is sent on (an alias, a redirect) is never signed: its From may be a
 * lie about one of our domains, and our signature would make it true. It is sealed by ARC instead, which
 * says what we saw when it came. And somebody who logged in is
 * signed for in the domains that he may use: those of his account and of the sender that smtp-in admitted.
 * With another domain in From his mail is signed by his account's domain, which tells who answers for it.
 */
export class Signer {
  readonly #keys: DkimKeyStore;
  readonly #hostname: string;
  /** A message to several destinations is signed once. */
  readonly #signed = new Map<string, Signed>();

  constructor(keys: DkimKeyStore, hostname: string) {
    this.#keys = keys;
    this.#hostname = hostname;
  }

  /** The fields that go in front of the message; empty when it is not to be signed. */
  async fieldsFor({ id, entry }: Delivery, octets: () => AsyncIterable<Uint8Array>) {
    const nowMs = Date.now();
    const known = this.#signed.get(id);
    if (known !== undefined && nowMs - known.atMs < limits.signatureAgeMsMax) {
      return await known.fields;
    }
    const { envelope } = entry;
    const isSentOn = envelope.authenticatedAs === undefined && envelope.isOurs !== true;
    const fields = isSentOn
      ? this.#sealed(envelope, octets, nowMs)
      : signatureFields(octets(), {
          keysFor: (fromDomain) => this.#keysFor(envelope, fromDomain),
          nowMs,
        });
    this.#keep(id, { fields, atMs: nowMs });
    try {
      return await fields;
    } catch (error) {
      this.#signed.delete(id);
      throw error;
    }
  }

  /** By the domain whose address it came to, or else that of this host; the next host may know the seals of either. */
  async #sealed(
    { recipients }: Envelope,
    octets: () => AsyncIterable<Uint8Array>,
    nowMs: number,
  ): Promise<Buffer> {
    const [first] = recipients;
    for (const domain of [domainOf(first?.originalAddress ?? ""), this.#hostname]) {
      // Ed25519 is not in RFC 8617, and hardly anybody checks a seal of it.
      const key = (await this.#keys.activeFor(domain)).find(
        ({ algorithm }) => algorithm === "rsa-sha256",
      );
      if (key !== undefined) {
        return await sealFields(octets(), { key, authservId: this.#hostname, nowMs });
      }
    }
    return Buffer.alloc(0);
  }

  async #keysFor(
    { authenticatedAs, isOurs, reversePath }: Envelope,
    fromDomain = "",
  ): Promise<readonly DkimKey[]> {
    const keys = await this.#keys.activeFor(fromDomain);
    if (authenticatedAs === undefined) return isOurs === true ? keys : [];
    const own = await this.#keys.activeFor(domainOf(authenticatedAs));
    const sender = await this.#keys.activeFor(domainOf(reversePath));
    const isHis = [own, sender].some(
      ([key]) => key !== undefined && key.domain === keys[0]?.domain,
    );
    return isHis ? keys : own;
  }

  /** The oldest goes first: a Map keeps the order in which it was filled. */
  #keep(id: string, signed: Signed): void {
    this.#signed.delete(id);
    this.#signed.set(id, signed);
    if (this.#signed.size <= limits.signaturesMax) return;
    const [oldest] = this.#signed.keys();
    if (oldest !== undefined) this.#signed.delete(oldest);
  }
}

const domainOf = (address: string): string => address.slice(address.lastIndexOf("@") + 1);
