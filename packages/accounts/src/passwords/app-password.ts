import { createHash, randomBytes } from "node:crypto";
import { makeScramKeys, type ScramKeys, type ScramSalt } from "./scram-keys.ts";

/** Without letters and digits that are read for one another. */
const DIGITS = "abcdefghjkmnpqrstuvwxyz023456789";
/** 26 × 5 = 130 random bits. */
const LENGTH = 26;

/** What is kept of an app password. */
export interface AppPasswordKeys {
  readonly digest: Buffer;
  readonly scram: ScramKeys;
  readonly scramSha1: ScramKeys;
}

/** One that nobody can guess: it is typed in once, or copied. */
export function newAppPassword(): string {
  return Array.from(randomBytes(LENGTH), (octet) => DIGITS[octet % DIGITS.length]).join("");
}

/** With 130 random bits in it nothing is gained by a slow hash. */
export function digestOfAppPassword(password: string): Buffer {
  return createHash("sha256").update(password, "utf8").digest();
}

/**
 * A SCRAM client is told one salt before anybody knows which password it will use (RFC 5802 §5), so all
 * of an account share theirs. SHA-1 is no danger to so many random bits, and old programs know only that.
 */
export async function keepAppPassword(password: string, salt: ScramSalt): Promise<AppPasswordKeys> {
  const octets = Buffer.from(password, "ascii");
  return {
    digest: digestOfAppPassword(password),
    scram: await makeScramKeys(octets, salt),
    scramSha1: await makeScramKeys(octets, { ...salt, hash: "sha1" }),
  };
}
