import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";

/** What a SCRAM-SHA-256 server keeps: enough to check a client, not to be one (RFC 5802 §3, RFC 7677). */
export interface ScramKeys {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** RFC 7677 §4 asks for 4096 at least; this costs a third of a bcrypt check, once a password. */
export const SCRAM_ITERATIONS = 100_000;
const SALT_BYTES = 16;
const SHA256_BYTES = 32;
const derive = promisify(pbkdf2);

/** @param prepared the password after SASLprep, as UTF-8 */
export async function makeScramKeys(
  prepared: Uint8Array,
  { iterations = SCRAM_ITERATIONS, salt = randomBytes(SALT_BYTES) } = {},
): Promise<ScramKeys> {
  const salted = await derive(prepared, salt, iterations, SHA256_BYTES, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  return {
    iterations,
    salt,
    storedKey: createHash("sha256").update(clientKey).digest(),
    serverKey: createHmac("sha256", salted).update("Server Key").digest(),
  };
}
