import { createHmac } from "node:crypto";
import type {
  Account,
  ScramChallenge,
  ScramChallengeRequest,
  ScramProofRequest,
} from "@posthouse/accounts";
import {
  checkScramProof,
  type Directory,
  SCRAM_ITERATIONS,
  SCRAM_SALT_BYTES,
  type ScramKeys,
  type ScramSalt,
  type Secrets,
} from "@posthouse/accounts/directory";
import type { Failures } from "./failures.ts";
import type { DeskResult } from "./login-result.ts";
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
  /** What the client is told. That of nobody where there are no keys: all is done as for somebody. */
  readonly salt: ScramSalt;
  /** What a proof may be right against: the password's, and those of app passwords. */
  readonly candidates: readonly Candidate[];
}

interface Candidate {
  readonly keys: ScramKeys;
  readonly appPassword?: { readonly id: string; readonly name: string };
  /** As in DeskResult. */
  readonly proof: string;
}

export type ScramDeskResult =
  | (Extract<DeskResult, { kind: "ok" }> & { readonly serverSignature: string })
  | Exclude<DeskResult, { kind: "ok" }>;

/**
 * The two questions of a SCRAM exchange: what to make a proof with, and whether it is right (RFC 5802 §3).
 *
 * Nothing is kept between the two, so an exchange outlives a restart, and nobody can fill a table with
 * beginnings. The proof covers the nonces, which whoever asks has made and compared.
 *
 * All passwords of an account share a salt, and a proof is held against each of them.
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
    const { salt, iterations } = attempt.salt;
    return { kind: "challenge", salt: salt.toString("base64"), iterations };
  }

  authenticate(request: ScramProofRequest): ScramDeskResult {
    const attempt = this.#attempt(request);
    const ban = this.#banOf(attempt);
    if (ban !== undefined) return ban;
    const { account, network, subject, candidates } = attempt;
    const { hash, authMessage } = request;
    const tried = { hash, authMessage, proof: Buffer.from(request.proof, "base64") };
    const { failures } = this.#parts;
    for (const { keys, appPassword, proof } of candidates) {
      const signature = checkScramProof(keys, tried);
      if (account === undefined || signature === undefined) continue;
      failures.succeeded(network, subject);
      const serverSignature = signature.toString("base64");
      return { kind: "ok", account, proof, serverSignature, ...(appPassword && { appPassword }) };
    }
    const brought = failures.failed(network, subject, request.proof);
    if (brought && network !== undefined) this.#parts.banned(network, request.username);
    return { kind: "refused" };
  }

  #attempt(request: ScramChallengeRequest): Attempt {
    const { username, hash, remoteAddress } = request;
    const { directory, secrets } = this.#parts;
    const account = directory.findLogin(username);
    const subject = account?.id ?? `?${username.toLowerCase()}`;
    const candidates = account === undefined ? [] : this.#candidates(account, request);
    return {
      account,
      subject,
      network: networkOf(remoteAddress),
      salt:
        candidates[0]?.keys ??
        (account && secrets.scramSalt(account.id)) ??
        this.#falseKeys(`${hash} ${subject}`),
      candidates:
        candidates.length > 0 ? candidates : [{ keys: this.#falseKeys(`${hash} `), proof: "" }],
    };
  }

  #candidates(account: Account, { hash, protocol }: ScramChallengeRequest): Candidate[] {
    const { secrets } = this.#parts;
    const ofApps = secrets.appPasswords
      .ofProtocol(account.id, protocol)
      .map(({ id, name, scram, scramSha1 }) => ({
        keys: hash === "sha1" ? scramSha1 : scram,
        appPassword: { id, name },
        proof: `app-password:${id}`,
      }));
    // The account's own has no SHA-1 keys, and is not for mail programs where only app passwords are.
    const own =
      hash === "sha1" || account.appPasswordsOnly ? undefined : secrets.password(account.id);
    if (own?.scram === undefined) return ofApps;
    return [{ keys: own.scram, proof: `password:${own.version}` }, ...ofApps];
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
