import { randomBytes } from "node:crypto";
import {
  type Account,
  type AccountSummary,
  type AddAccountRequest,
  type AddAppPasswordRequest,
  type ApopSecret,
  type AppPassword,
  DirectoryError,
  type DisabledFor,
  type LastLogin,
  type LoginPlace,
  type NewAppPassword,
  type RemovedAccount,
  type RemovedDomain,
  type RenamedDomain,
  type Webhook,
} from "@posthouse/accounts";
import {
  type Directory,
  type HashQueue,
  keepAppPassword,
  keepPassword,
  newAccountId,
  newAppPassword,
  octetsToKeep,
  type PasswordHasher,
  parseBcryptHash,
  SCRAM_ITERATIONS,
  SCRAM_SALT_BYTES,
  type ScramSalt,
  type Secrets,
} from "@posthouse/accounts/directory";
import { callLimits } from "@posthouse/accounts/socket";
import { newWebhookSecret, readWebhookUrl } from "@posthouse/webhooks";
import { limits } from "./limits.ts";
import type { LoginChanges } from "./login-changes.ts";
import type { LoginDesk } from "./login-desk.ts";
import type { LoginHistory } from "./login-history.ts";

export interface AdministrationParts {
  readonly directory: Directory;
  readonly secrets: Secrets;
  readonly hasher: PasswordHasher;
  readonly queue: HashQueue;
  readonly desk: Pick<LoginDesk, "forget">;
  readonly history: LoginHistory;
  readonly changes: Pick<LoginChanges, "of" | "ofAnybody">;
  readonly now: () => number;
}

/** The line that the administrator's passwords wait in. */
const LINE = "administrator";

/**
 * Changes that concern both databases. Whatever is in one of them only is of use to nobody: what counts
 * is an account in the directory.
 *
 *   state   directory   secrets       after a crash here
 *   A1      -           -             addAccount was not answered, and can be repeated
 *   A2      -           of the id     the same; the id was never told, and its secret is swept at start
 *   A3      account     of the id     added, answered or not
 *
 *   R1      account     of the id     removeAccount was not answered, and can be repeated
 *   R2      -           of the id     removed: no login, no mail; its secret is swept at start
 *   R3      -           -             removed
 *
 *   P1      account     old           setPassword was not answered: the old password holds
 *   P2      account     new           the new one holds, and the old no longer
 */
export class Administration {
  readonly #parts: AdministrationParts;

  constructor(parts: AdministrationParts) {
    this.#parts = parts;
  }

  /** Drops secrets whose account is not in the directory (A2, R2). At start, before anybody is served. */
  sweep(): number {
    const { directory, secrets } = this.#parts;
    const orphans = secrets.accountIds().filter((id) => !directory.hasId(id));
    for (const id of orphans) secrets.remove(id);
    return orphans.length;
  }

  async addAccount(request: AddAccountRequest): Promise<Account> {
    const { directory, secrets } = this.#parts;
    directory.assertFree(request.address);
    const kept = request.password === undefined ? undefined : await this.#keep(request.password);
    const id = newAccountId();
    if (kept !== undefined) secrets.setPassword(id, kept);
    try {
      return directory.addAccount(id, request.address, request);
    } catch (error) {
      // Somebody else added it meanwhile, or the disk is full.
      secrets.remove(id);
      throw error;
    }
  }

  removeAccount(address: string): RemovedAccount {
    const removed = this.#parts.directory.removeAccount(address);
    this.#forget(removed.account.id);
    return removed;
  }

  removeDomain(text: string, force: boolean): RemovedDomain {
    const { domain, accountIds, aliases } = this.#parts.directory.removeDomain(text, { force });
    for (const id of accountIds) this.#forget(id);
    return { domain, accounts: accountIds.length, aliases };
  }

  /** A login that is remembered ends with it. */
  putAccountAway(address: string, untilMs: number): Account {
    const account = this.#parts.directory.putAccountAway(address, untilMs);
    this.#endLogins(account.id);
    return account;
  }

  setDisabled(address: string, disabled: DisabledFor | undefined): Account {
    const account = this.#parts.directory.setDisabled(address, disabled);
    this.#endLogins(account.id);
    return account;
  }

  setAppPasswordsOnly(address: string, isOnly: boolean): Account {
    const account = this.#parts.directory.setAppPasswordsOnly(address, isOnly);
    this.#endLogins(account.id);
    return account;
  }

  /** From here on nobody of it is let in, until it has the new address. */
  beginRename(address: string, newAddress: string): Account {
    const account = this.#parts.directory.beginRename(address, newAddress);
    this.#endLogins(account.id);
    return account;
  }

  beginDomainRename(domain: string, newDomain: string): RenamedDomain {
    const renamed = this.#parts.directory.beginDomainRename(domain, newDomain);
    this.#parts.changes.ofAnybody();
    return renamed;
  }

  async setPassword(address: string, password: string): Promise<void> {
    const { directory, secrets } = this.#parts;
    const { id } = directory.account(address);
    const kept = await this.#keep(password, () => secrets.scramSalt(id));
    if (!directory.hasId(id)) {
      throw new DirectoryError("not-found", "The account was removed meanwhile");
    }
    secrets.setPassword(id, kept);
    this.#endLogins(id);
  }

  setPasswordHash(address: string, text: string): void {
    const { directory, secrets } = this.#parts;
    const { id } = directory.account(address);
    secrets.setPassword(id, { hash: parseBcryptHash(text), isPrepared: false });
    this.#endLogins(id);
  }

  async addAppPassword(request: AddAppPasswordRequest): Promise<NewAppPassword> {
    const { directory, secrets, queue, now } = this.#parts;
    const { id: accountId } = directory.account(request.address);
    const name = request.name.trim();
    this.#assertAppPassword(accountId, { ...request, name });
    const password = newAppPassword();
    // In the line of setPassword(), so that all of an account come to share one salt.
    return await queue.run(LINE, async () => {
      const salt = (): ScramSalt =>
        secrets.scramSalt(accountId) ?? {
          salt: randomBytes(SCRAM_SALT_BYTES),
          iterations: SCRAM_ITERATIONS,
        };
      const used = salt();
      let keys = await keepAppPassword(password, used);
      // A login meanwhile may have made keys of the password, with another salt.
      if (!salt().salt.equals(used.salt) && secrets.scramSalt(accountId) !== undefined) {
        keys = await keepAppPassword(password, salt());
      }
      if (!directory.hasId(accountId)) {
        throw new DirectoryError("not-found", "The account was removed meanwhile");
      }
      this.#assertAppPassword(accountId, { ...request, name });
      const id = newAccountId();
      const scopes = [...new Set(request.scopes)];
      secrets.appPasswords.add(accountId, { id, name, scopes, keys, createdMs: now() });
      return { id, name, password };
    });
  }

  listAppPasswords(address: string): readonly AppPassword[] {
    const { directory, secrets, history } = this.#parts;
    history.flush();
    return secrets.appPasswords.list(directory.account(address).id);
  }

  revokeAppPassword(address: string, which: string): void {
    const { directory, secrets } = this.#parts;
    const { id, address: written } = directory.account(address);
    if (!secrets.appPasswords.remove(id, which)) {
      throw new DirectoryError("not-found", `${written} has no app password "${which}"; list them`);
    }
    this.#endLogins(id);
  }

  /** Never a chosen one: it is readable on disk, and people choose the password they have elsewhere. */
  makeApopSecret(address: string): string {
    const { directory, secrets } = this.#parts;
    const { id } = directory.account(address);
    const secret = newAppPassword();
    secrets.setApopSecret(id, secret);
    this.#endLogins(id);
    return secret;
  }

  removeApopSecret(address: string): void {
    const { directory, secrets } = this.#parts;
    const { id, address: written } = directory.account(address);
    if (!secrets.removeApopSecret(id)) {
      throw new DirectoryError("not-found", `${written} has no secret for APOP`);
    }
    this.#endLogins(id);
  }

  setWebhook(address: string, text: string): Webhook {
    const { directory, secrets } = this.#parts;
    const url = readWebhookUrl(text)?.href;
    if (url === undefined) {
      throw new DirectoryError(
        "bad-request",
        `"${text}" cannot be told of mail: it has to be https://, with a host name and no login, as https://hooks.example.org/mail`,
      );
    }
    const { id } = directory.account(address);
    const known = secrets.webhookSecret(id);
    const secret = known ?? newWebhookSecret();
    // The secret first: what is told is never without one.
    if (known === undefined) secrets.setWebhookSecret(id, secret);
    directory.setWebhookUrl(address, url);
    return { url, secret };
  }

  webhook(address: string): Webhook | undefined {
    const { directory, secrets } = this.#parts;
    const { id } = directory.account(address);
    const url = directory.webhookUrl(id);
    const secret = secrets.webhookSecret(id);
    return url === undefined || secret === undefined ? undefined : { url, secret };
  }

  removeWebhook(address: string): void {
    const { directory, secrets } = this.#parts;
    const { id, address: written } = directory.account(address);
    if (directory.webhookUrl(id) === undefined) {
      throw new DirectoryError("not-found", `${written} has no webhook`);
    }
    directory.setWebhookUrl(address, undefined);
    secrets.removeWebhookSecret(id);
  }

  /** A page, by address. */
  listApopSecrets(after = ""): ApopSecret[] {
    const { directory, secrets } = this.#parts;
    return secrets
      .apopSecrets()
      .map(({ accountId, createdMs }) => ({ address: directory.addressOf(accountId), createdMs }))
      .filter((row): row is ApopSecret => row.address !== undefined && row.address > after)
      .sort((a, b) => (a.address < b.address ? -1 : 1))
      .slice(0, limits.apopSecretsPerPage);
  }

  listAccounts(filter: { readonly domain?: string; readonly after?: string }): AccountSummary[] {
    const { directory, secrets } = this.#parts;
    return directory
      .listAccounts(filter)
      .map((account) => ({ ...account, hasPassword: secrets.hasPassword(account.id) }));
  }

  lastLogins(address: string): readonly LastLogin[] {
    return this.#parts.history.lastLogins(this.#parts.directory.account(address).id);
  }

  loginHistory(address: string): readonly LoginPlace[] {
    return this.#parts.history.places(this.#parts.directory.account(address).id);
  }

  /** What to call the subject of a ban: the account's address, or the name that was tried. */
  nameOf(subject: string): string {
    return subject.startsWith("?")
      ? subject.slice(1)
      : (this.#parts.directory.addressOf(subject) ?? "a removed account");
  }

  async #keep(password: string, salt: () => ScramSalt | undefined = () => undefined) {
    const octets = octetsToKeep(password);
    const { queue, hasher } = this.#parts;
    return await queue.run(LINE, () => keepPassword(hasher, octets, salt()));
  }

  #assertAppPassword(accountId: string, { name, scopes }: AddAppPasswordRequest): void {
    const { appPasswords } = this.#parts.secrets;
    if (name === "" || name.length > callLimits.appPasswordNameCharsMax || /\p{Cc}/u.test(name)) {
      throw new DirectoryError(
        "bad-request",
        `Give the app password a name of 1 to ${callLimits.appPasswordNameCharsMax} characters, such as "Ann's telephone"`,
      );
    }
    if (scopes.length === 0) {
      throw new DirectoryError("bad-request", "Say what the app password is for, such as imap");
    }
    if (appPasswords.hasName(accountId, name)) {
      throw new DirectoryError("exists", `There is an app password "${name}"; revoke it first`);
    }
    if (appPasswords.count(accountId) >= callLimits.appPasswordsMax) {
      throw new DirectoryError(
        "limit",
        `An account has ${callLimits.appPasswordsMax} app passwords at most; revoke some first`,
      );
    }
  }

  #forget(id: string): void {
    this.#parts.secrets.remove(id);
    this.#parts.history.forget(id);
    this.#endLogins(id);
  }

  /** Those that count no longer: each is looked at, and a remembered password is forgotten. */
  #endLogins(id: string): void {
    this.#parts.desk.forget(id);
    this.#parts.changes.of(id);
  }
}
