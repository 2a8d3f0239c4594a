import { createHmac } from "node:crypto";
import type {
  Account,
  ScramChallenge,
  ScramChallengeRequest,
  ScramProofRequest,
  ScramResult,
} from "@posthouse/accounts";
import {
  checkScramProof,
  type Directory,
  SCRAM_ITERATIONS,
  SCRAM_SALT_BYTES,
  type ScramKeys,
  type Secrets,
} from "@posthouse/accounts/directory";
import type { Failures } from "./failures.ts";
import { networkOf } from "./network.ts";

export interface ScramDeskParts {
  readonly directory: Directory;
  readonly secrets: Secrets;
  readonly failures: Failures;
  readonly banned: (network: string, username: string) => void;
}

/** One try, with what was found of its account. */
interface Attempt {
  readonly account: Account | undefined;
  /** The account's id, or "?" and the name that nobody has. */
  readonly subject: string;
  readonly network: string | undefined;
  /** Those of nobody where there are none: then everything is done as for somebody. */
  readonly keys: ScramKeys;
  readonly isReal: boolean;
}

/**
 * The two questions of a SCRAM exchange: what to make a proof with, and whether it is right (RFC 5802 §3).
 *
 * Nothing is kept between the two, so an exchange outlives a restart, and nobody can fill a table with
 * beginnings. The proof covers the nonces, which whoever asks has made and compared.
 *
 * A name without an account, or an account whose password has no keys yet, gets a salt that is always the
 * same, made of a key that nobody knows: from outside they are like all others. Failures count as those of
 * a password do, but each of them counts: no two proofs of the same wrong password are alike.
 */
export class ScramDesk {
  readonly #parts: ScramDeskParts;
  readonly #falseSaltKey: Buffer;

  constructor(parts: ScramDeskParts) {
    this.#parts = parts;
    this.#falseSaltKey = parts.secrets.falseSaltKey();
  }

  challenge(request: ScramChallengeRequest): ScramChallenge {
    const attempt = this.#attempt(request);
    const ban = this.#banOf(attempt);
    if (ban !== undefined) return ban;
    const { salt, iterations } = attempt.keys;
    return { kind: "challenge", salt: salt.toString("base64"), iterations };
  }

  authenticate(request: ScramProofRequest): ScramResult {
    const attempt = this.#attempt(request);
    const ban = this.#banOf(attempt);
    if (ban !== undefined) return ban;
    const { account, network, subject, keys, isReal } = attempt;
    const { hash, authMessage, proof } = request;
    const signature = checkScramProof(keys, {
      hash,
      authMessage,
      proof: Buffer.from(proof, "base64"),
    });
    const { failures } = this.#parts;
    if (account !== undefined && isReal && signature !== undefined) {
      failures.succeeded(network, subject);
      return { kind: "ok", account, serverSignature: signature.toString("base64") };
    }
    const brought = failures.failed(network, subject, proof);
    if (brought && network !== undefined) this.#parts.banned(network, request.username);
    return { kind: "refused" };
  }

  #attempt({ username, hash, remoteAddress }: ScramChallengeRequest): Attempt {
    const { directory, secrets } = this.#parts;
    const account = directory.findLogin(username);
    const subject = account?.id ?? `?${username.toLowerCase()}`;
    const kept = account && secrets.password(account.id);
    const keys = hash === "sha1" ? kept?.scramSha1 : kept?.scram;
    return {
      account,
      subject,
      network: networkOf(remoteAddress),
      keys: keys ?? this.#falseKeys(`${hash} ${subject}`),
      isReal: keys !== undefined,
    };
  }

  #falseKeys(of: string): ScramKeys {
    const octets = createHmac("sha512", this.#falseSaltKey).update(of).digest();
    // Keys that fit no hash of the mechanism: nothing can be proved against them.
    const key = Buffer.alloc(of.startsWith("sha1 ") ? 20 : 32, octets.subarray(SCRAM_SALT_BYTES));
    return {
      iterations: SCRAM_ITERATIONS,
      salt: octets.subarray(0, SCRAM_SALT_BYTES),
      storedKey: key,
      serverKey: key,
    };
  }

  #banOf({ network, subject }: Attempt): Extract<ScramChallenge, { kind: "banned" }> | undefined {
    const waitMs = this.#parts.failures.bannedForMs(network, subject);
    if (waitMs <= 0) return undefined;
    return { kind: "banned", retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) };
  }
}
