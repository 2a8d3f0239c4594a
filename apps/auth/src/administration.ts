import {
  type Account,
  type AccountSummary,
  type AddAccountRequest,
  DirectoryError,
  type LastLogin,
  type RemovedAccount,
  type RemovedDomain,
} from "@posthouse/accounts";
import {
  type Directory,
  type HashQueue,
  keepPassword,
  newAccountId,
  octetsToKeep,
  type PasswordHasher,
  parseBcryptHash,
  type Secrets,
} from "@posthouse/accounts/directory";
import type { LoginDesk } from "./login-desk.ts";
import type { LoginHistory } from "./login-history.ts";

export interface AdministrationParts {
  readonly directory: Directory;
  readonly secrets: Secrets;
  readonly hasher: PasswordHasher;
  readonly queue: HashQueue;
  readonly desk: Pick<LoginDesk, "forget">;
  readonly history: LoginHistory;
  /** SHA-1 keys are kept of passwords too. */
  readonly withScramSha1: boolean;
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

  async setPassword(address: string, password: string): Promise<void> {
    const { directory, secrets, desk } = this.#parts;
    const { id } = directory.account(address);
    const kept = await this.#keep(password);
    if (!directory.hasId(id)) {
      throw new DirectoryError("not-found", "The account was removed meanwhile");
    }
    secrets.setPassword(id, kept);
    desk.forget(id);
  }

  setPasswordHash(address: string, text: string): void {
    const { directory, secrets, desk } = this.#parts;
    const { id } = directory.account(address);
    secrets.setPassword(id, { hash: parseBcryptHash(text), isPrepared: false });
    desk.forget(id);
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

  /** What to call the subject of a ban: the account's address, or the name that was tried. */
  nameOf(subject: string): string {
    return subject.startsWith("?")
      ? subject.slice(1)
      : (this.#parts.directory.addressOf(subject) ?? "a removed account");
  }

  async #keep(password: string) {
    const octets = octetsToKeep(password);
    const { queue, hasher, withScramSha1 } = this.#parts;
    return await queue.run(LINE, () => keepPassword(hasher, octets, { withScramSha1 }));
  }

  #forget(id: string): void {
    this.#parts.secrets.remove(id);
    this.#parts.history.forget(id);
    this.#parts.desk.forget(id);
  }
}
