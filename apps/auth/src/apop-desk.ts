import { createHash, timingSafeEqual } from "node:crypto";
import type { ApopRequest } from "@posthouse/accounts";
import type { Directory, Secrets } from "@posthouse/accounts/directory";
import type { Failures } from "./failures.ts";
import type { DeskResult } from "./login-result.ts";
import { networkOf } from "./network.ts";

export interface ApopDeskParts {
  readonly directory: Directory;
  readonly secrets: Secrets;
  readonly failures: Failures;
  readonly banned: (network: string, username: string) => void;
}

/** What a name is held against that has no secret: all is done as for one that has. */
const DECOY = "a secret that nobody has";

/**
 * Says whether an APOP digest is right (RFC 1939 §7): MD5 of the timestamp and the secret. MD5 is broken for
 * much, and 130 random bits cannot be guessed behind it; the account's password has no part in it.
 */
export class ApopDesk {
  readonly #parts: ApopDeskParts;

  constructor(parts: ApopDeskParts) {
    this.#parts = parts;
  }

  authenticate({ username, timestamp, digest, remoteAddress }: ApopRequest): DeskResult {
    const { directory, secrets, failures, banned } = this.#parts;
    const account = directory.findLogin(username);
    const subject = account?.id ?? `?${username.toLowerCase()}`;
    const network = networkOf(remoteAddress);
    const waitMs = failures.bannedForMs(network, subject);
    if (waitMs > 0) return { kind: "banned", retryAfterSeconds: Math.ceil(waitMs / 1000) };
    const secret = account && secrets.apopSecret(account.id);
    const expected = createHash("md5")
      .update(timestamp + (secret ?? DECOY))
      .digest();
    const given = Buffer.from(digest, "hex");
    const isEqual = given.length === expected.length && timingSafeEqual(given, expected);
    if (isEqual && account !== undefined && secret !== undefined) {
      failures.succeeded(network, subject);
      return { kind: "ok", account, proof: `apop:${secrets.apopSecretVersion(account.id)}` };
    }
    // No two digests of the same wrong secret are alike: each counts.
    const brought = failures.failed(network, subject, digest);
    if (brought && network !== undefined) banned(network, username);
    return { kind: "refused" };
  }
}
