import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { ScramHash } from "../sasl/login-requests.ts";

/** What a client is told before it makes a proof. */
export interface ScramSalt {
  readonly iterations: number;
  readonly salt: Buffer;
}

/** What a SCRAM server keeps: enough to check a client, not to be one (RFC 5802 §3, RFC 7677). */
export interface ScramKeys extends ScramSalt {
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/**
 * RFC 7677 §4 asks for 4096 at least. As many as Cyrus SASL computes, which mbsync, mutt and KMail have: with more
 * they give up, and try no other mechanism. It costs a fifth of a bcrypt check, once a password.
 */
export const SCRAM_ITERATIONS = 65_536;
export const SCRAM_SALT_BYTES = 16;
const HASH_BYTES = { sha256: 32, sha1: 20 } as const satisfies Record<ScramHash, number>;
const derive = promisify(pbkdf2);

/** @param prepared the password after SASLprep, as UTF-8 */
export async function makeScramKeys(
  prepared: Uint8Array,
  {
    iterations = SCRAM_ITERATIONS,
    salt = randomBytes(SCRAM_SALT_BYTES) as Buffer,
    hash = "sha256" as ScramHash,
  } = {},
): Promise<ScramKeys> {
  const salted = await derive(prepared, salt, iterations, HASH_BYTES[hash], hash);
  const clientKey = createHmac(hash, salted).update("Client Key").digest();
  return {
    iterations,
    salt,
    storedKey: createHash(hash).update(clientKey).digest(),
    serverKey: createHmac(hash, salted).update("Server Key").digest(),
  };
}

/** Checks a client's proof (RFC 5802 §3): the server's own signature, or undefined when it is wrong. */
export function checkScramProof(
  keys: ScramKeys,
  tried: { readonly hash: ScramHash; readonly authMessage: string; readonly proof: Uint8Array },
): Buffer | undefined {
  const { hash, authMessage, proof } = tried;
  const clientSignature = createHmac(hash, keys.storedKey).update(authMessage).digest();
  if (proof.length !== clientSignature.length) return undefined;
  const clientKey = clientSignature.map((octet, index) => octet ^ (proof[index] ?? 0));
  const storedKey = createHash(hash).update(clientKey).digest();
  if (!timingSafeEqual(storedKey, keys.storedKey)) return undefined;
  return createHmac(hash, keys.serverKey).update(authMessage).digest();
}
