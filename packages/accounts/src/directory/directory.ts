import { randomInt } from "node:crypto";
import type Database from "better-sqlite3";
import {
  type Address,
  formatAddress,
  parseOwnAddress,
  parseOwnDomain,
  shown,
  splitAddress,
} from "../address/address.ts";
import type { SenderRewriting } from "../address/sender-rewriting.ts";
import type {
  AddAccountRequest,
  Alias,
  AliasRights,
  Compression,
  DisabledFor,
  DomainAlias,
  DomainSummary,
  QuotaChange,
  RemovedAccount,
  RenamedDomain,
  RestorableAccount,
} from "../admin-client.ts";
import type { Account, RecipientResolution } from "../auth-client.ts";
import { DirectoryError, domainToAdd } from "../directory-error.ts";
import { limits } from "../limits.ts";
import { AddressResolver, assertNotMoving } from "./address-resolver.ts";
import { directoryMigrations } from "./directory-schema.ts";
import { type AccountRow, type AliasRow, DirectoryTables } from "./directory-tables.ts";
import { MailingLists } from "./mailing-lists.ts";
import { openDatabase } from "./open-database.ts";

export interface DirectoryOptions {
  readonly path: string;
  /** Between a local part and its detail: `ann+lists`. */
  readonly subaddressSeparator: string;
  /** This host's own name: mail to postmaster at it is ours too. */
  readonly hostname: string;
  /** Who gets mail for postmaster where no account or alias of that name is. */
  readonly postmaster?: string;
  /** Rewrites senders of what is sent on; absent: they stay as they are. */
  readonly rewriting?: SenderRewriting;
  readonly now?: () => number;
}

/** An account with what only the administrator needs to see. */
export interface AccountEntry extends Account {
  readonly createdMs: number;
  readonly disabled?: DisabledFor;
  /** It is between two addresses: see beginRename(). */
  readonly movingTo?: string;
  /** Nothing is taken out of its Junk and Trash for its age. */
  readonly keepsOld?: true;
}

/** What went with a domain; the ids are for those who keep something under them. */
export interface TakenDomain {
  readonly domain: string;
  readonly accountIds: readonly string[];
  readonly aliases: number;
}

/**
 * Who is here: domains, accounts, aliases, quotas. The one implementation, over SQLite; servers see it
 * through AuthClient and AdminClient, whose promises leave room for another.
 *
 * Every change is one transaction. Refusals are DirectoryErrors.
 */
export class Directory {
  readonly #database: Database.Database;
  readonly #tables: DirectoryTables;
  readonly #resolver: AddressResolver;
  readonly #now: () => number;
  readonly #lists: MailingLists;

  /** @throws DatabaseError */
  constructor(options: DirectoryOptions) {
    this.#database = openDatabase(options.path, {
      what: "directory",
      mode: 0o640,
      migrations: directoryMigrations,
    });
    this.#tables = new DirectoryTables(this.#database);
    this.#resolver = new AddressResolver(this.#tables, options);
    this.#now = options.now ?? Date.now;
    this.#lists = new MailingLists(this.#tables, this.#resolver, (change) =>
      this.#transaction(change),
    );
  }

  get lists(): MailingLists {
    return this.#lists;
  }

  close(): void {
    this.#database.close();
  }

  /** Grows with every change since it was opened. */
  changeCount(): number {
    return this.#tables.changeCount();
  }

  // Questions

  resolveRecipient(address: string): RecipientResolution {
    return this.#resolver.resolve(address);
  }

  forwardingSender(reversePath: string, via: string): string {
    return this.#resolver.forwardingSender(reversePath, via);
  }

  /** Of exactly this address. @throws AuthUnavailable while it is being renamed */
  findAccount(address: string): Account | undefined {
    const { localPart, domain } = splitAddress(address);
    const row = domain === undefined ? undefined : this.#tables.account({ localPart, domain });
    if (row === undefined) return undefined;
    assertNotMoving(row);
    return accountOf(row);
  }

  /**
   * Whom a login name means: an address, an alias of one account, or a bare local part of the only domain.
   * Nobody, where that account is disabled: what nobody has and what nobody may is the same from outside.
   *
   * @throws AuthUnavailable while it is being renamed
   */
  findLogin(username: string): Account | undefined {
    const row = this.#resolver.accountOfLogin(username);
    if (row === undefined || row.disabled !== null) return undefined;
    assertNotMoving(row);
    return accountOf(row);
  }

  /** Whether this account, found a moment ago, is still one that logs in. */
  mayLogIn(id: string): boolean {
    const row = this.#tables.accountOfId(id);
    return row !== undefined && row.disabled === null && row.removedUntilMs === null;
  }

  /** As mayLogIn(), of a login that was a while ago: its mail may be on its way to another address. */
  mayStay(id: string): boolean {
    return this.mayLogIn(id) && this.#tables.accountOfId(id)?.movingTo === null;
  }

  takesOnlyAppPasswords(id: string): boolean {
    const row = this.#tables.accountOfId(id);
    return row !== undefined && accountOf(row).appPasswordsOnly === true;
  }

  maySendAs(accountAddress: string, senderAddress: string): boolean {
    if (senderAddress === "") return true;
    const account = this.findAccount(accountAddress);
    return account !== undefined && this.#resolver.maySendAs(account.id, senderAddress);
  }

  hasId(id: string): boolean {
    return this.#tables.addressOf(id) !== undefined;
  }

  addressOf(id: string): string | undefined {
    const address = this.#tables.addressOf(id);
    return address === undefined ? undefined : formatAddress(address);
  }

  // Domains

  addDomain(text: string): string {
    const domain = parseOwnDomain(text);
    if (this.#tables.hasDomain(domain)) {
      throw new DirectoryError("exists", `The domain ${domain} is there already`);
    }
    if (this.#tables.domainOfAlias(domain) !== undefined) {
      throw new DirectoryError(
        "exists",
        `${domain} is an alias of a domain; remove the alias first`,
      );
    }
    this.#tables.insertDomain(domain, this.#now());
    return domain;
  }

  removeDomain(text: string, { force = false } = {}): TakenDomain {
    const domain = this.#existingDomain(text);
    return this.#transaction(() => {
      const rows = this.#tables.accountsOf(domain);
      const accountIds = rows.map(({ id }) => id);
      const removed = rows.filter(({ removedUntilMs }) => removedUntilMs !== null).length;
      const aliases = this.#tables.aliasCount(domain);
      if (!force && (rows.length > 0 || aliases > 0)) {
        const here = counted(rows.length - removed, "account");
        const gone = removed === 0 ? "" : `, ${counted(removed, "account")} that can be restored`;
        throw new DirectoryError(
          "in-use",
          `The domain ${domain} still has ${here}${gone} and ${counted(aliases, "alias", "aliases")}; remove them first, or use --force`,
        );
      }
      this.#tables.deleteAliasesOf(domain);
      // A target in a domain that is no longer ours would send its mail to strangers.
      const orphans = this.#dropTargets((target) => target.domain === domain);
      this.#tables.deleteDomain(domain);
      return { domain, accountIds, aliases: aliases + orphans.length };
    });
  }

  listDomains(after = ""): DomainSummary[] {
    return this.#tables.domainsAfter(after, limits.accountsPerPage);
  }

  addDomainAlias(text: string, domainText: string): DomainAlias {
    const alias = parseOwnDomain(text);
    const domain = this.#existingDomain(domainText);
    return this.#transaction(() => {
      if (this.#tables.hasDomain(alias)) {
        throw new DirectoryError(
          "exists",
          `${alias} is a domain with addresses of its own; remove it first`,
        );
      }
      if (this.#tables.domainOfAlias(alias) !== undefined) {
        throw new DirectoryError("exists", `${alias} is an alias already; remove it first`);
      }
      if (this.#tables.domainAliases().length >= limits.domainAliasesMax) {
        throw new DirectoryError(
          "limit",
          `There are ${limits.domainAliasesMax} domain aliases at most`,
        );
      }
      this.#tables.insertDomainAlias(alias, domain);
      return { alias, domain };
    });
  }

  removeDomainAlias(text: string): void {
    const alias = parseOwnDomain(text);
    if (this.#tables.deleteDomainAlias(alias)) return;
    throw new DirectoryError("not-found", `${alias} is no alias of a domain`);
  }

  listDomainAliases(): DomainAlias[] {
    return this.#tables.domainAliases();
  }

  /** An address that the catch-all of its domain does not catch. */
  addException(text: string): string {
    const address = parseOwnAddress(text);
    this.#domainToFill(address.domain);
    if (this.#tables.exceptions(address.domain).length >= limits.exceptionsMax) {
      throw new DirectoryError(
        "limit",
        `A catch-all has ${limits.exceptionsMax} exceptions at most`,
      );
    }
    this.#tables.insertException(address);
    return formatAddress(address);
  }

  removeException(text: string): void {
    const address = parseOwnAddress(text);
    if (this.#tables.deleteException(address)) return;
    throw new DirectoryError("not-found", `${formatAddress(address)} is no exception`);
  }

  listExceptions(domain: string): string[] {
    return this.#tables.exceptions(this.#existingDomain(domain)).map(formatAddress);
  }

  // Accounts

  /**
   * Checks whether addAccount() would go through, before the work of hashing a password.
   *
   * @throws DirectoryError
   */
  assertFree(text: string): Address {
    const address = parseOwnAddress(text);
    this.#domainToFill(address.domain);
    const written = formatAddress(address);
    if (this.#tables.account(address) !== undefined) {
      throw new DirectoryError("exists", `The account ${written} is there already`);
    }
    if (this.#tables.alias(address) !== undefined) {
      throw new DirectoryError("exists", `${written} is an alias or a list; remove that first`);
    }
    if (this.#tables.removedAccount(address) !== undefined) {
      throw new DirectoryError(
        "exists",
        `${written} was removed and can still be restored: posthouse account restore ${written}; or end that with posthouse account remove ${written} --now`,
      );
    }
    return address;
  }

  addAccount(
    id: string,
    text: string,
    options: Pick<
      AddAccountRequest,
      "quotaBytes" | "quotaMessages" | "compression" | "format"
    > = {},
  ): Account {
    return this.#transaction(() => {
      const address = this.assertFree(text);
      this.#tables.insertAccount({
        id,
        ...address,
        quotaBytes: options.quotaBytes ?? null,
        quotaMessages: options.quotaMessages ?? null,
        compression: options.compression === "zstd" ? "zstd" : null,
        format: options.format === "mbox" ? "mbox" : null,
        createdMs: this.#now(),
      });
      return accountOf(this.#existingAccount(text));
    });
  }

  /** For good; also one that could still be restored. */
  removeAccount(text: string): RemovedAccount {
    return this.#transaction(() => {
      const address = parseOwnAddress(text);
      const row = this.#tables.removedAccount(address) ?? this.#existingAccount(text);
      const removedAliases = this.#dropTargets(
        (target) => target.domain === row.domain && this.#resolver.isSubaddress(target, row),
      );
      this.#tables.deleteAccount(row.id);
      return { account: accountOf(row), removedAliases: removedAliases.slice(0, limits.namedMax) };
    });
  }

  /** No mail and no login from now on, and all of it comes back with restoreAccount(): aliases keep their target. */
  putAccountAway(text: string, untilMs: number): Account {
    return this.#transaction(() => {
      const row = this.#restingAccount(text);
      this.#tables.updateRemovedUntil(row.id, untilMs);
      return accountOf(row);
    });
  }

  restoreAccount(text: string): Account {
    return this.#transaction(() => {
      const address = parseOwnAddress(text);
      const row = this.#tables.removedAccount(address);
      if (row === undefined) {
        const written = formatAddress(address);
        if (this.#tables.account(address) !== undefined) {
          throw new DirectoryError("exists", `The account ${written} is there`);
        }
        throw new DirectoryError(
          "not-found",
          `There is no removed account ${written}; posthouse account list --removed shows all`,
        );
      }
      this.#tables.updateRemovedUntil(row.id, null);
      return accountOf(row);
    });
  }

  /** Those whose time is over first. */
  listRemoved(): RestorableAccount[] {
    return this.#tables
      .removedAccounts()
      .map((row) => ({ ...accountOf(row), untilMs: row.removedUntilMs ?? 0 }));
  }

  setDisabled(text: string, disabled: DisabledFor | undefined): Account {
    return this.#transaction(() => {
      const row = this.#existingAccount(text);
      this.#tables.updateDisabled(row.id, disabled ?? null);
      return accountOf(row);
    });
  }

  setKeepsOld(text: string, keepsOld: boolean): Account {
    return this.#transaction(() => {
      const row = this.#existingAccount(text);
      this.#tables.updateKeepsOld(row.id, keepsOld);
      return accountOf(row);
    });
  }

  // Renaming. Mail moves between the two steps, and nobody is told where it is until the second.

  /** From now on everybody who asks for the account is told to come back in a moment. Again is no error. */
  beginRename(text: string, newText: string): Account {
    return this.#transaction(() => {
      const row = this.#existingAccount(text);
      const address = parseOwnAddress(newText);
      const written = formatAddress(address);
      if (row.movingTo !== null && row.movingTo !== written) {
        throw new DirectoryError(
          "in-use",
          `${formatAddress(row)} is becoming ${row.movingTo}; finish that first: posthouse account rename ${formatAddress(row)} ${row.movingTo}`,
        );
      }
      this.#assertFreeFor(address, row);
      this.#tables.updateMovingTo(row.id, written);
      return accountOf(row);
    });
  }

  /** The new address holds. With `keepsAlias` the old one leads to it. */
  finishRename(text: string, options: { readonly keepsAlias: boolean }): Account {
    return this.#transaction(() => {
      const row = this.#existingAccount(text);
      if (row.movingTo === null) {
        throw new DirectoryError("bad-request", `${formatAddress(row)} is not being renamed`);
      }
      const address = parseOwnAddress(row.movingTo);
      const alias = this.#tables.alias(address);
      if (alias !== undefined) this.#tables.deleteAlias(alias.number);
      this.#tables.updateAddress(row.id, address);
      this.#moveTargets((target) =>
        target.domain === row.domain && target.localPart === row.localPart ? address : undefined,
      );
      this.#tables.copyGrants(row, address);
      if (options.keepsAlias) this.#tables.addTargets(row, [formatAddress(address)]);
      return this.account(formatAddress(address));
    });
  }

  /** As beginRename(), of all accounts of a domain. */
  beginDomainRename(text: string, newText: string): RenamedDomain {
    return this.#transaction(() => {
      const from = this.#existingDomain(text);
      const to = parseOwnDomain(newText);
      if (this.#tables.hasDomain(to)) {
        throw new DirectoryError("exists", `The domain ${to} is there already`);
      }
      const aliasOf = this.#tables.domainOfAlias(to);
      if (aliasOf !== undefined && aliasOf !== from) {
        throw new DirectoryError(
          "exists",
          `${to} is an alias of ${aliasOf}; remove the alias first`,
        );
      }
      const rows = this.#tables.accountsOf(from);
      for (const row of rows) {
        const written = formatAddress({ ...row, domain: to });
        if (row.movingTo !== null && row.movingTo !== written) {
          throw new DirectoryError(
            "in-use",
            `${formatAddress(row)} is becoming ${row.movingTo}; finish that first`,
          );
        }
        this.#tables.updateMovingTo(row.id, written);
      }
      return { from, to, accounts: rows.length };
    });
  }

  finishDomainRename(
    text: string,
    newText: string,
    options: { readonly keepsAlias: boolean },
  ): RenamedDomain {
    return this.#transaction(() => {
      const from = this.#existingDomain(text);
      const to = parseOwnDomain(newText);
      const rows = this.#tables.accountsOf(from);
      if (rows.some((row) => row.movingTo !== formatAddress({ ...row, domain: to }))) {
        throw new DirectoryError("bad-request", `${from} is not being renamed to ${to}`);
      }
      this.#tables.deleteDomainAlias(to);
      this.#tables.insertDomain(to, this.#now());
      this.#tables.moveDomainParts(from, to);
      for (const row of rows) this.#tables.updateAddress(row.id, { ...row, domain: to });
      this.#moveTargets((target) =>
        target.domain === from ? { localPart: target.localPart, domain: to } : undefined,
      );
      this.#tables.deleteDomain(from);
      if (options.keepsAlias) this.#tables.insertDomainAlias(from, to);
      return { from, to, accounts: rows.length };
    });
  }

  /** @throws DirectoryError "not-found" */
  account(text: string): Account {
    return accountOf(this.#existingAccount(text));
  }

  /** For the administrator, whom a rename keeps from nothing. */
  accountIfThere(text: string): Account | undefined {
    const row = this.#tables.account(parseOwnAddress(text));
    return row === undefined ? undefined : accountOf(row);
  }

  /** At most a page, after the address `after`, by domain and local part. */
  listAccounts(filter: { readonly domain?: string; readonly after?: string }): AccountEntry[] {
    const domain = filter.domain === undefined ? undefined : this.#existingDomain(filter.domain);
    return this.#tables
      .accountsAfter(placeOf(filter.after), domain, limits.accountsPerPage)
      .map((row) => ({
        ...accountOf(row),
        createdMs: row.createdMs,
        ...(row.disabled !== null && { disabled: row.disabled }),
        ...(row.movingTo !== null && { movingTo: row.movingTo }),
        ...(row.keepsOld === 1 && { keepsOld: true as const }),
      }));
  }

  setQuota(text: string, { quotaBytes, quotaMessages }: QuotaChange): Account {
    return this.#transaction(() => {
      const row = this.#existingAccount(text);
      this.#tables.updateQuota(
        row.id,
        quotaBytes === undefined ? row.quotaBytes : quotaBytes,
        quotaMessages === undefined ? row.quotaMessages : quotaMessages,
      );
      return this.account(text);
    });
  }

  setCompression(text: string, compression: Compression): Account {
    return this.#transaction(() => {
      const row = this.#existingAccount(text);
      this.#tables.updateCompression(row.id, compression === "zstd" ? "zstd" : null);
      return this.account(text);
    });
  }

  /** Whether only app passwords log in to mail protocols. */
  /** Where new mail of an account is told of; undefined: nowhere. */
  setWebhookUrl(text: string, url: string | undefined): Account {
    return this.#transaction(() => {
      this.#tables.updateWebhookUrl(this.#existingAccount(text).id, url ?? null);
      return this.account(text);
    });
  }

  /** Of an account that is there; undefined where nothing is told of it. */
  webhookUrl(accountId: string): string | undefined {
    const row = this.#tables.accountOfId(accountId);
    if (row === undefined || row.removedUntilMs !== null) return undefined;
    return row.webhookUrl ?? undefined;
  }

  setAppPasswordsOnly(text: string, isOnly: boolean): Account {
    return this.#transaction(() => {
      this.#tables.updateAppPasswordsOnly(this.#existingAccount(text).id, isOnly);
      return this.account(text);
    });
  }

  // Aliases

  addAlias(text: string, targetTexts: readonly string[]): Alias {
    return this.#transaction(() => {
      const address = this.#aliasAddress(text);
      const targets = targetTexts.map((target) => this.#resolver.parseTarget(target));
      if (targets.length === 0) {
        throw new DirectoryError(
          "bad-request",
          `The alias ${formatAddress(address)} needs a target`,
        );
      }
      const before = this.#tables.alias(address)?.targets ?? [];
      const added = [...new Set(targets)].filter((target) => !before.includes(target));
      if (added.length === 0) {
        throw new DirectoryError("exists", `The alias ${formatAddress(address)} is there already`);
      }
      if (before.length + added.length > limits.aliasTargetsMax) {
        throw new DirectoryError("limit", `An alias has ${limits.aliasTargetsMax} targets at most`);
      }
      this.#tables.addTargets(address, added);
      this.#resolver.assertLeadsSomewhere(address);
      return aliasOf(this.#existingAlias(text));
    });
  }

  /** What is left out stays as it is. */
  setAliasRights(text: string, { acceptsFrom, maySendAs }: AliasRights): Alias {
    return this.#transaction(() => {
      const row = this.#existingAlias(text);
      const from = acceptsFrom === undefined ? row.acceptsFrom : acceptsFrom;
      const isRole = row.localPart === "postmaster" || row.localPart === "abuse";
      if (isRole && from !== null && from !== "anybody") {
        // RFC 5321 §4.5.1 and RFC 2142 §4: strangers have to reach them.
        throw new DirectoryError("bad-request", `${formatAddress(row)} is there for anybody`);
      }
      const receivesOnly = maySendAs === undefined ? row.receivesOnly === 1 : !maySendAs;
      this.#tables.updateAliasRights(row.number, from === "anybody" ? null : from, receivesOnly);
      return aliasOf(this.#existingAlias(text));
    });
  }

  removeAlias(text: string, targetTexts?: readonly string[]): void {
    this.#transaction(() => {
      const alias = this.#existingAlias(text);
      if (targetTexts === undefined) {
        this.#tables.deleteAlias(alias.number);
        return;
      }
      for (const target of targetTexts) {
        if (!this.#tables.deleteTarget(alias.number, this.#resolver.normaliseTarget(target))) {
          const written = formatAddress(alias);
          throw new DirectoryError(
            "not-found",
            `The alias ${written} has no target ${shown(target)}`,
          );
        }
      }
      if (!this.#tables.hasTargets(alias.number)) this.#tables.deleteAlias(alias.number);
    });
  }

  listAliases(filter: { readonly domain?: string; readonly after?: string }): Alias[] {
    const domain = filter.domain === undefined ? undefined : this.#existingDomain(filter.domain);
    const rows = this.#tables.aliasesAfter(placeOf(filter.after), domain, limits.aliasesPerPage);
    const page: Alias[] = [];
    let bytes = 0;
    for (const row of rows) {
      const alias = aliasOf(row);
      page.push(alias);
      bytes += Buffer.byteLength(JSON.stringify(alias));
      if (bytes >= limits.aliasPageBytesMax) break;
    }
    return page;
  }

  /** Addresses of mailing lists. At most a page, after the address `after`, by domain and local part. */
  listLists(filter: { readonly domain?: string; readonly after?: string }): string[] {
    const domain = filter.domain === undefined ? undefined : this.#existingDomain(filter.domain);
    return this.#lists.addresses(placeOf(filter.after), domain);
  }

  // Grants

  grantSender(text: string, senderText: string): void {
    const { id } = this.#existingAccount(text);
    if (this.#tables.grants(id).length >= limits.grantsMax) {
      throw new DirectoryError("limit", `An account has ${limits.grantsMax} grants at most`);
    }
    this.#tables.insertGrant(id, senderOf(senderText));
  }

  revokeSender(text: string, senderText: string): void {
    const { id } = this.#existingAccount(text);
    if (this.#tables.deleteGrant(id, senderOf(senderText))) return;
    throw new DirectoryError("not-found", `${shown(text)} has no grant for ${shown(senderText)}`);
  }

  listSenderGrants(text: string): string[] {
    return this.#tables.grants(this.#existingAccount(text).id).map(formatAddress);
  }

  // Inside

  #transaction<Result>(change: () => Result): Result {
    return this.#database.transaction(change).immediate();
  }

  #existingDomain(text: string): string {
    const domain = parseOwnDomain(text);
    if (this.#tables.hasDomain(domain)) return domain;
    throw new DirectoryError(
      "not-found",
      `The domain ${domain} is not ours; "posthouse domain list" shows those that are`,
    );
  }

  /** Where something new is to be: then it may be that the domain comes first. */
  #domainToFill(domain: string): void {
    if (this.#tables.hasDomain(domain)) return;
    throw domainToAdd(domain);
  }

  #existingAccount(text: string): AccountRow {
    const address = parseOwnAddress(text);
    const row = this.#tables.account(address);
    if (row !== undefined) return row;
    throw new DirectoryError(
      "not-found",
      `There is no account ${formatAddress(address)}; "posthouse account list" shows all`,
    );
  }

  /** Neither removed nor on its way to another address. */
  #restingAccount(text: string): AccountRow {
    const row = this.#existingAccount(text);
    if (row.movingTo === null) return row;
    throw new DirectoryError(
      "in-use",
      `${formatAddress(row)} is becoming ${row.movingTo}; finish that first: posthouse account rename ${formatAddress(row)} ${row.movingTo}`,
    );
  }

  /** An alias that leads to this account alone gives its place. */
  #assertFreeFor(address: Address, row: AccountRow): void {
    const alias = this.#tables.alias(address);
    const isItsOwn = alias?.targets.length === 1 && alias.targets[0] === formatAddress(row);
    if (isItsOwn) this.#domainToFill(address.domain);
    else this.assertFree(formatAddress(address));
  }

  /** Targets, and people of lists, that lead to what is elsewhere now. */
  #moveTargets(newOf: (target: Address) => Address | undefined): void {
    const movedFrom = (address: string): string | undefined => {
      const { localPart, domain } = splitAddress(address);
      const moved = domain === undefined ? undefined : newOf({ localPart, domain });
      return moved === undefined ? undefined : formatAddress(moved);
    };
    for (const { alias, address } of this.#tables.allTargets()) {
      const moved = movedFrom(address);
      if (moved !== undefined) this.#tables.updateTarget(alias, address, moved);
    }
    for (const person of this.#tables.lists.allPeople()) {
      const moved = movedFrom(person.address);
      if (moved !== undefined) this.#tables.lists.updatePerson(person, moved);
    }
  }

  #existingAlias(text: string): AliasRow {
    const address = text.startsWith("@") ? catchAllOf(text) : parseOwnAddress(text);
    const alias = this.#tables.alias(address);
    if (alias !== undefined && alias.list === null) return alias;
    throw new DirectoryError("not-found", `There is no alias ${formatAddress(address)}`);
  }

  #aliasAddress(text: string): Address {
    const address = text.startsWith("@") ? catchAllOf(text) : parseOwnAddress(text);
    this.#domainToFill(address.domain);
    const account = this.#tables.account(address) ?? this.#tables.removedAccount(address);
    if (account !== undefined) {
      const what =
        account.removedUntilMs === null ? "an account" : "an account that can still be restored";
      throw new DirectoryError(
        "exists",
        `${formatAddress(address)} is ${what}, so it cannot be an alias`,
      );
    }
    if ((this.#tables.alias(address)?.list ?? null) !== null) {
      throw new DirectoryError(
        "exists",
        `${formatAddress(address)} is a mailing list, so it cannot be an alias`,
      );
    }
    return address;
  }

  /** Aliases left without targets go too; their addresses. */
  #dropTargets(isDropped: (target: Address) => boolean): string[] {
    for (const { alias, address } of this.#tables.allTargets()) {
      const { localPart, domain } = splitAddress(address);
      if (domain !== undefined && isDropped({ localPart, domain })) {
        this.#tables.deleteTarget(alias, address);
      }
    }
    for (const { list, role, address } of this.#tables.lists.allPeople()) {
      const { localPart, domain } = splitAddress(address);
      if (domain !== undefined && isDropped({ localPart, domain })) {
        this.#tables.lists.deletePerson(list, role, address);
      }
    }
    return this.#tables.removeEmptyAliases();
  }
}

/** 16 × log2(36) = 82 random bits. */
export function newAccountId(): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  return Array.from({ length: 16 }, () => alphabet[randomInt(alphabet.length)]).join("");
}

function aliasOf(row: AliasRow): Alias {
  return {
    address: formatAddress(row),
    targets: row.targets,
    ...(row.acceptsFrom !== null && { acceptsFrom: row.acceptsFrom }),
    ...(row.receivesOnly === 1 && { maySendAs: false }),
  };
}

function accountOf(row: AccountRow): Account {
  return {
    id: row.id,
    address: formatAddress(row),
    ...(row.quotaBytes !== null && { quotaBytes: row.quotaBytes }),
    ...(row.quotaMessages !== null && { quotaMessages: row.quotaMessages }),
    ...(row.compression !== null && { compression: row.compression }),
    ...(row.format !== null && { format: row.format }),
    ...(row.appPasswordsOnly === 1 && { appPasswordsOnly: true as const }),
    ...(row.webhookUrl !== null && { hasWebhook: true as const }),
  };
}

function catchAllOf(text: string): Address {
  return { localPart: "", domain: parseOwnDomain(text.slice(1)) };
}

function senderOf(text: string): Address {
  return text.startsWith("@") ? catchAllOf(text) : parseOwnAddress(text);
}

/** Where a page begins. Before everything when there was none. */
function placeOf(after: string | undefined): Address {
  const { localPart, domain } = splitAddress(after ?? "");
  return after === undefined ? { localPart: "", domain: "" } : { localPart, domain: domain ?? "" };
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
