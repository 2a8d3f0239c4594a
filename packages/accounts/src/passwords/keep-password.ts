import type { KeptPassword } from "../directory/secrets.ts";
import type { PasswordHasher } from "./password-hasher.ts";
import { makeScramKeys, type ScramSalt } from "./scram-keys.ts";

/**
 * Everything that is kept of a password, made at once: later nobody knows it any more. With app passwords
 * beside it the salt is theirs, since a SCRAM client is told one for all.
 */
export async function keepPassword(
  hasher: PasswordHasher,
  octets: Buffer,
  salt?: ScramSalt,
): Promise<KeptPassword> {
  // One after the other, so that it takes one thread.
  const hash = await hasher.hash(octets);
  return { hash, isPrepared: true, scram: await makeScramKeys(octets, salt) };
}
