import type { KeptPassword } from "../directory/secrets.ts";
import type { PasswordHasher } from "./password-hasher.ts";
import { makeScramKeys } from "./scram-keys.ts";

/** Everything that is kept of a password, made at once: later nobody knows it any more. */
export async function keepPassword(
  hasher: PasswordHasher,
  octets: Buffer,
  { withScramSha1 = false } = {},
): Promise<KeptPassword> {
  // One after the other, so that it takes one thread.
  const hash = await hasher.hash(octets);
  const scram = await makeScramKeys(octets);
  if (!withScramSha1) return { hash, isPrepared: true, scram };
  return {
    hash,
    isPrepared: true,
    scram,
    scramSha1: await makeScramKeys(octets, { hash: "sha1" }),
  };
}
