import type { KeptPassword } from "../directory/secrets.ts";
import type { PasswordHasher } from "./password-hasher.ts";
import { makeScramKeys } from "./scram-keys.ts";

/** Everything that is kept of a password, made at once: later nobody knows it any more. */
export async function keepPassword(hasher: PasswordHasher, octets: Buffer): Promise<KeptPassword> {
  // One after the other, so that it takes one thread.
  const hash = await hasher.hash(octets);
  return { hash, isPrepared: true, scram: await makeScramKeys(octets) };
}
