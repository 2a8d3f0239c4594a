import { generateKeyPairSync } from "node:crypto";
import type { Resolver } from "@posthouse/dns";
import { type Zone, ZoneResolver } from "@posthouse/dns/zone";
import { dkimSign, sealMessage } from "mailauth";
import { type MailAuthenticator, openMailAuthenticator } from "../src/index.ts";

/** One key for all that tests sign, and its record. */
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64");
export const keyRecord = `v=DKIM1; k=ed25519; p=${raw}`;

/** The message with a signature of each domain, by selector "s". */
export async function signed(message: string, ...domains: readonly string[]): Promise<string> {
  const { signatures } = await dkimSign(Buffer.from(message), {
    // Its types want what signatureData has.
    ...({} as { signingDomain: string; selector: string; privateKey: string }),
    signatureData: domains.map((signingDomain) => ({
      signingDomain,
      selector: "s",
      privateKey: pem,
      algorithm: "ed25519-sha256",
      canonicalization: "relaxed/relaxed",
    })),
  });
  return signatures + message;
}

/** The message sealed by a forwarder who saw those results. */
export async function sealed(
  message: string,
  seal: {
    readonly domain: string;
    readonly authResults: string;
    readonly i?: number;
    readonly cv?: string;
  },
): Promise<string> {
  const headers = await sealMessage(Buffer.from(message), {
    signingDomain: seal.domain,
    selector: "s",
    privateKey: pem,
    authResults: seal.authResults,
    cv: seal.cv ?? "none",
    ...(seal.i !== undefined && { i: seal.i }),
  });
  return headers.toString() + message;
}

export interface Checked {
  readonly message: string;
  readonly zone: Zone;
  readonly clientAddress?: string;
  readonly helo?: string;
  readonly reversePath?: string;
  readonly trustedSealers?: readonly string[];
}

/** The zone of the message that is under way: threads cost a quarter of a second each, so they are shared. */
let zoneNow = new ZoneResolver({});
const resolver: Resolver = {
  txt: (name) => zoneNow.txt(name),
  addresses: (name, family) => zoneNow.addresses(name, family),
  mx: (name) => zoneNow.mx(name),
  ptr: (address) => zoneNow.ptr(address),
  tlsa: () => zoneNow.tlsa(),
  close: () => undefined,
};
const authenticators = new Map<string, MailAuthenticator>();

function authenticatorFor(trustedSealers: readonly string[]): MailAuthenticator {
  const key = trustedSealers.join();
  const known = authenticators.get(key);
  if (known !== undefined) return known;
  const made = openMailAuthenticator({
    resolver,
    hostname: "mail.example.test",
    threadsMax: 1,
    trustedSealers,
    complain: (error) => {
      throw error;
    },
  });
  authenticators.set(key, made);
  return made;
}

/** Authenticates one message against a zone, in pieces of its octets; one after the other. */
export async function authenticated({ message, zone, trustedSealers = [], ...origin }: Checked) {
  zoneNow = new ZoneResolver(zone);
  return await authenticatorFor(trustedSealers).authenticate(
    {
      clientAddress: "192.0.2.1",
      helo: "out.example.org",
      reversePath: "ann@example.org",
      ...origin,
    },
    pieces(Buffer.from(message, "latin1")),
  );
}

async function* pieces(octets: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < octets.length; at += 1000) yield octets.subarray(at, at + 1000);
}
