import { setTimeout as wait } from "node:timers/promises";
import type { Account, AuthenticateRequest } from "@posthouse/accounts";
import {
  type Directory,
  digestOfAppPassword,
  type HashQueue,
  type KeptPassword,
  keepPassword,
  LoginCache,
  type LoginFingerprint,
  octetsToKeep,
  octetsToTry,
  type PasswordHasher,
  SCRAM_ITERATIONS,
  type Secrets,
  type StoredPassword,
} from "@posthouse/accounts/directory";
import type { Failures } from "./failures.ts";
import { limits } from "./limits.ts";
import type { DeskResult } from "./login-result.ts";
import { networkOf } from "./network.ts";

export interface LoginDeskParts {
  readonly directory: Directory;
  readonly secrets: Secrets;
  readonly hasher: PasswordHasher;
  readonly queue: HashQueue;
  readonly failures: Failures;
  readonly now: () => number;
  /** A password that was right could not be hashed anew. */
  readonly complain: (error: unknown) => void;
  readonly counted: (what: "cached" | "joined") => void;
  readonly banned: (network: string, username: string) => void;
  /** The account's own password was right, and is not for mail programs. */
  readonly notForMail: (request: AuthenticateRequest) => void;
}

/** One try, with what was found of its account. */
interface Attempt {
  readonly request: AuthenticateRequest;
  readonly network: string | undefined;
  readonly account: Account | undefined;
  /** The account's id, or "?" and the name that nobody has. */
  readonly subject: string;
  readonly kept: StoredPassword | undefined;
  readonly appPassword: AppPasswordFound | undefined;
  readonly fingerprint: LoginFingerprint;
}

type AppPasswordFound = { readonly id: string; readonly name: string };

type Outcome = "right" | "wrong" | "banned" | "changed";

/** What a name without an account, or a password that cannot be one, is compared with. */
const DECOY = Buffer.from("a password that nobody has");

/**
 * Says whether a password is right.
 *
 * From outside an unknown name, a known one without a password, a wrong password and one that cannot be
 * a password are the same: one hash is computed for each, in the same line, counted alike.
 *
 * An app password is found by its digest and costs no hash. The account's own password is checked also
 * where only app passwords are taken, and then refused as a wrong one is.
 *
 * What was right before is answered from the cache, and what is being checked already is waited for, so
 * that a client with ten connections costs one hash.
 */
export class LoginDesk {
  readonly #parts: LoginDeskParts;
  readonly #decoyHash: string;
  readonly #cache: LoginCache;
  readonly #checks = new Map<LoginFingerprint, Promise<Outcome>>();
  readonly #renewals = new Map<string, Promise<void>>();

  private constructor(parts: LoginDeskParts, decoyHash: string) {
    this.#parts = parts;
    this.#decoyHash = decoyHash;
    this.#cache = new LoginCache(parts.now);
  }

  static async open(parts: LoginDeskParts): Promise<LoginDesk> {
    return new LoginDesk(parts, await parts.hasher.hash(DECOY));
  }

  /** @throws AuthUnavailable when too many are waiting */
  async authenticate(request: AuthenticateRequest): Promise<DeskResult> {
    await this.#slowDown(request);
    for (let checks = 0; checks < limits.checksPerLoginMax; checks += 1) {
      const attempt = this.#attempt(request);
      const outcome = await this.#decide(attempt);
      const { account, appPassword } = attempt;
      if (outcome === "banned") return this.#bannedResult(attempt);
      if (outcome === "wrong" || account === undefined) return { kind: "refused" };
      if (outcome === "right") {
        const proof = appPassword
          ? `app-password:${appPassword.id}`
          : `password:${attempt.kept?.version}`;
        return { kind: "ok", account, proof, ...(appPassword && { appPassword }) };
      }
      // The password was changed, or the account went, while the old one was checked: once more.
    }
    return { kind: "refused" };
  }

  /** After a change of password or the end of an account. */
  forget(accountId: string): void {
    this.#cache.forget(accountId);
  }

  /** Waits for what goes on behind answers that were given. */
  async settle(): Promise<void> {
    await Promise.all(this.#renewals.values());
  }

  /** Outside the queue, so that nobody else waits. */
  async #slowDown({ username, remoteAddress }: AuthenticateRequest): Promise<void> {
    const { directory, failures } = this.#parts;
    const account = directory.findLogin(username);
    const delayMs = account ? failures.delayMs(networkOf(remoteAddress), account.id) : 0;
    if (delayMs > 0) await wait(delayMs);
  }

  #attempt(request: AuthenticateRequest): Attempt {
    const account = this.#parts.directory.findLogin(request.username);
    const subject = account?.id ?? `?${request.username.toLowerCase()}`;
    const kept = account && this.#parts.secrets.password(account.id);
    const appPassword =
      account &&
      this.#parts.secrets.appPasswords.find(
        account.id,
        digestOfAppPassword(request.password),
        request.protocol,
      );
    return {
      request,
      appPassword,
      network: networkOf(request.remoteAddress),
      account,
      subject,
      kept,
      fingerprint: this.#cache.fingerprint(subject, kept?.hash ?? "", request.password),
    };
  }

  #decide(attempt: Attempt): Outcome | Promise<Outcome> {
    const { network, subject, fingerprint } = attempt;
    if (this.#parts.failures.bannedForMs(network, subject) > 0) return "banned";
    if (attempt.appPassword !== undefined) {
      this.#parts.failures.succeeded(network, subject);
      return "right";
    }
    if (this.#cache.has(fingerprint) && attempt.account?.appPasswordsOnly !== true) {
      this.#parts.counted("cached");
      return "right";
    }
    const underWay = this.#checks.get(fingerprint);
    if (underWay !== undefined) {
      this.#parts.counted("joined");
      return underWay;
    }
    const check = this.#parts.queue
      .run(lineOf(attempt), () => this.#check(attempt))
      .finally(() => this.#checks.delete(fingerprint));
    this.#checks.set(fingerprint, check);
    return check;
  }

  /** Runs when it is its turn: guesses made before it may have brought a ban by then. */
  async #check(attempt: Attempt): Promise<Outcome> {
    const { request, network, account, subject, kept, fingerprint } = attempt;
    const { failures, secrets, directory } = this.#parts;
    if (failures.bannedForMs(network, subject) > 0) return "banned";
    if (account === undefined || kept === undefined || !(await this.#matches(attempt, kept))) {
      if (kept === undefined) await this.#parts.hasher.matches(DECOY, this.#decoyHash);
      const brought = failures.failed(network, subject, fingerprint);
      if (brought && network !== undefined) this.#parts.banned(network, request.username);
      return "wrong";
    }
    if (account.appPasswordsOnly) {
      this.#parts.notForMail(request);
      const brought = failures.failed(network, subject, fingerprint);
      if (brought && network !== undefined) this.#parts.banned(network, request.username);
      return "wrong";
    }
    if (!directory.mayLogIn(account.id)) return "changed";
    if (secrets.password(account.id)?.hash !== kept.hash) return "changed";
    failures.succeeded(network, subject);
    this.#cache.add(fingerprint, account.id);
    this.#renew(account.id, kept, attempt);
    return "right";
  }

  async #matches({ request }: Attempt, kept: KeptPassword): Promise<boolean> {
    const octets = octetsToTry(request.password, kept.isPrepared);
    if (octets !== undefined) return await this.#parts.hasher.matches(octets, kept.hash);
    await this.#parts.hasher.matches(DECOY, this.#decoyHash);
    return false;
  }

  #bannedResult({ network, subject }: Attempt): DeskResult {
    const waitMs = this.#parts.failures.bannedForMs(network, subject);
    return { kind: "banned", retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) };
  }

  /** Keys of more rounds than there are now are made anew, but where app passwords have the same salt and rounds. */
  #isCurrent(accountId: string, { hash, isPrepared, scram }: KeptPassword): boolean {
    const { hasher, secrets } = this.#parts;
    const { iterations } = secrets.appPasswords.saltOf(accountId) ?? {
      iterations: SCRAM_ITERATIONS,
    };
    const hasKeys = scram !== undefined && scram.iterations <= iterations;
    return hasKeys && isPrepared && hasher.isCurrent(hash);
  }

  /** Brings what is kept up to date behind the answer, while the password is at hand. */
  #renew(accountId: string, kept: KeptPassword, { request, subject }: Attempt): void {
    if (this.#isCurrent(accountId, kept) || this.#renewals.has(accountId)) return;
    const { queue, hasher, secrets } = this.#parts;
    const renew = async () => {
      const fresh = await queue.run("renewals", () =>
        keepPassword(
          hasher,
          octetsToKeep(request.password),
          secrets.appPasswords.saltOf(accountId),
        ),
      );
      if (!secrets.replacePassword(accountId, kept.hash, fresh)) return;
      this.#cache.add(this.#cache.fingerprint(subject, fresh.hash, request.password), accountId);
    };
    const renewal = renew()
      .catch(this.#parts.complain)
      .finally(() => this.#renewals.delete(accountId));
    this.#renewals.set(accountId, renewal);
  }
}

/**
 * Guesses from one address wait for each other. This host's own logins (webmail) are many people's:
 * each login has a line.
 */
function lineOf({ network, subject }: Attempt): string {
  return network ?? `this host ${subject}`;
}
