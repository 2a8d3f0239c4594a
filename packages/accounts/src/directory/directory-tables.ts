import type Database from "better-sqlite3";
import type { Address } from "../address/address.ts";
import type { DomainAlias, DomainSummary } from "../admin-client.ts";
import type { ListPosts } from "../auth-client.ts";
import { limits } from "../limits.ts";
import { ListTables } from "./list-tables.ts";

export interface AccountRow extends Address {
  readonly id: string;
  readonly quotaBytes: number | null;
  readonly quotaMessages: number | null;
  readonly compression: "zstd" | null;
  readonly format: "mbox" | null;
  readonly appPasswordsOnly: number;
  readonly disabled: "logins" | "all" | null;
  readonly movingTo: string | null;
  readonly removedUntilMs: number | null;
  readonly keepsOld: number;
  readonly webhookUrl: string | null;
  readonly createdMs: number;
}

/** What an account is made with; the rest comes later. */
export type NewAccountRow = Omit<
  AccountRow,
  "appPasswordsOnly" | "disabled" | "movingTo" | "removedUntilMs" | "keepsOld" | "webhookUrl"
>;

export interface AliasRow extends Address {
  readonly number: number;
  /** What a mailing list has beside; null where the alias is none. */
  readonly list: ListRow | null;
  readonly acceptsFrom: "people" | "members" | null;
  readonly receivesOnly: number;
  readonly targets: readonly string[];
}

export interface ListRow {
  readonly name: string;
  readonly posts: ListPosts;
  readonly owners: readonly string[];
  readonly posters: readonly string[];
}

interface TargetRow {
  readonly alias: number;
  readonly address: string;
}

const ACCOUNT = `
  SELECT id, local_part AS localPart, domain, quota_bytes AS quotaBytes,
         quota_messages AS quotaMessages, compression, format,
         app_passwords_only AS appPasswordsOnly, disabled, moving_to AS movingTo,
         removed_until_ms AS removedUntilMs, keeps_old AS keepsOld, webhook_url AS webhookUrl, created_ms AS createdMs
  FROM accounts`;
/** Those that were removed are there for whoever restores them, and for nobody else. */
const IS_HERE = "removed_until_ms IS NULL";
const ALIAS = `
  SELECT number, local_part AS localPart, domain, accepts_from AS acceptsFrom,
         receives_only AS receivesOnly
  FROM aliases`;
/** Rows after a place in the order of domain and local part, of one domain or (NULL) of all. */
const AFTER =
  "(domain, local_part) > (@afterDomain, @afterLocalPart) AND (@domain IS NULL OR domain = @domain)";

/** The statements over directory.sqlite, prepared once. It knows rows, not rules. */
export class DirectoryTables {
  readonly lists: ListTables;
  readonly #statements: ReturnType<typeof prepareAll>;

  constructor(database: Database.Database) {
    this.lists = new ListTables(database);
    this.#statements = prepareAll(database);
  }

  /** Rows changed through this connection, the only one that writes. */
  changeCount(): number {
    return this.#statements.changeCount.get() ?? 0;
  }

  hasDomain(domain: string): boolean {
    return this.#statements.domain.get(domain) !== undefined;
  }

  /** The name of the domain if there is exactly one. */
  onlyDomain(): string | undefined {
    const [first, second] = this.#statements.twoDomains.all();
    return second === undefined ? first : undefined;
  }

  /** The domain that this one is an alias of. */
  domainOfAlias(name: string): string | undefined {
    return this.#statements.domainOfAlias.get(name);
  }

  domainAliases(): DomainAlias[] {
    return this.#statements.domainAliases.all();
  }

  insertDomainAlias(name: string, domain: string): void {
    this.#statements.insertDomainAlias.run(name, domain);
  }

  deleteDomainAlias(name: string): boolean {
    return this.#statements.deleteDomainAlias.run(name).changes > 0;
  }

  isException({ localPart, domain }: Address): boolean {
    return this.#statements.exception.get(domain, localPart) !== undefined;
  }

  exceptions(domain: string): Address[] {
    return this.#statements.exceptions.all(domain);
  }

  insertException({ localPart, domain }: Address): void {
    this.#statements.insertException.run(domain, localPart);
  }

  deleteException({ localPart, domain }: Address): boolean {
    return this.#statements.deleteException.run(domain, localPart).changes > 0;
  }

  domainsAfter(after: string, count: number): DomainSummary[] {
    return this.#statements.domainsAfter.all(after, count);
  }

  /** The oldest account named postmaster, of whatever domain. */
  postmasterAccount(): AccountRow | undefined {
    return this.#statements.postmasterAccount.get();
  }

  postmasterAlias(): AliasRow | undefined {
    const row = this.#statements.postmasterAlias.get();
    return row === undefined ? undefined : this.#withTargets(row);
  }

  /** The oldest account of this name, of whatever domain. */
  accountNamed(localPart: string): AccountRow | undefined {
    return this.#statements.accountNamed.get(localPart);
  }

  insertDomain(domain: string, createdMs: number): void {
    this.#statements.insertDomain.run(domain, createdMs);
  }

  /** With its accounts. */
  deleteDomain(domain: string): void {
    this.#statements.deleteAccountsOf.run(domain);
    this.#statements.deleteDomain.run(domain);
  }

  account({ localPart, domain }: Address): AccountRow | undefined {
    return this.#statements.account.get(domain, localPart);
  }

  removedAccount({ localPart, domain }: Address): AccountRow | undefined {
    return this.#statements.removedAccount.get(domain, localPart);
  }

  removedAccounts(): AccountRow[] {
    return this.#statements.removedAccounts.all();
  }

  accountOfId(id: string): AccountRow | undefined {
    return this.#statements.accountOfId.get(id);
  }

  addressOf(id: string): Address | undefined {
    return this.#statements.addressOf.get(id);
  }

  /** The oldest account of the domain, or of all. */
  firstAccount(domain?: string): AccountRow | undefined {
    return this.#statements.firstAccount.get({ domain: domain ?? null });
  }

  /** Also of those that were removed. */
  accountsOf(domain: string): AccountRow[] {
    return this.#statements.accountsOf.all(domain);
  }

  accountsAfter(place: Address, domain: string | undefined, count: number): AccountRow[] {
    return this.#statements.accountsAfter.all(pageOf(place, domain, count));
  }

  insertAccount(row: NewAccountRow): void {
    this.#statements.insertAccount.run(row);
  }

  updateQuota(id: string, bytes: number | null, messages: number | null): void {
    this.#statements.updateQuota.run(bytes, messages, id);
  }

  updateCompression(id: string, compression: "zstd" | null): void {
    this.#statements.updateCompression.run(compression, id);
  }

  updateAppPasswordsOnly(id: string, isOnly: boolean): void {
    this.#statements.updateAppPasswordsOnly.run(isOnly ? 1 : 0, id);
  }

  updateWebhookUrl(id: string, url: string | null): void {
    this.#statements.updateWebhookUrl.run(url, id);
  }

  updateDisabled(id: string, disabled: AccountRow["disabled"]): void {
    this.#statements.updateDisabled.run(disabled, id);
  }

  updateKeepsOld(id: string, keepsOld: boolean): void {
    this.#statements.updateKeepsOld.run(keepsOld ? 1 : 0, id);
  }

  updateRemovedUntil(id: string, untilMs: number | null): void {
    this.#statements.updateRemovedUntil.run(untilMs, id);
  }

  updateMovingTo(id: string, address: string | null): void {
    this.#statements.updateMovingTo.run(address, id);
  }

  /** Its new address holds, and it moves no longer. */
  updateAddress(id: string, { localPart, domain }: Address): void {
    this.#statements.updateAddress.run(localPart, domain, id);
  }

  /** All but its accounts: aliases, exceptions, domain aliases, grants. */
  moveDomainParts(from: string, to: string): void {
    for (const statement of this.#statements.moveDomainParts) statement.run(to, from);
  }

  updateTarget(alias: number, from: string, to: string): void {
    this.#statements.updateTarget.run(to, alias, from);
  }

  deleteAccount(id: string): void {
    this.#statements.deleteAccount.run(id);
  }

  /** An empty local part asks for the catch-all. */
  alias({ localPart, domain }: Address): AliasRow | undefined {
    const row = this.#statements.alias.get(domain, localPart);
    return row === undefined ? undefined : this.#withTargets(row);
  }

  aliasCount(domain: string): number {
    return this.#statements.aliasCount.get(domain) ?? 0;
  }

  /** Without mailing lists. */
  aliasesAfter(place: Address, domain: string | undefined, count: number): AliasRow[] {
    return this.#statements.aliasesAfter
      .all(pageOf(place, domain, count))
      .map((row) => this.#withTargets(row));
  }

  addTargets({ localPart, domain }: Address, targets: readonly string[]): void {
    this.#statements.insertAlias.run(localPart, domain);
    const alias = this.#statements.alias.get(domain, localPart)?.number;
    for (const target of targets) this.#statements.insertTarget.run(alias, target);
  }

  updateAliasRights(number: number, acceptsFrom: string | null, receivesOnly: boolean): void {
    this.#statements.updateAliasRights.run(acceptsFrom, receivesOnly ? 1 : 0, number);
  }

  deleteAlias(number: number): void {
    this.#statements.deleteAlias.run(number);
  }

  deleteAliasesOf(domain: string): void {
    this.#statements.deleteAliasesOf.run(domain);
  }

  hasTargets(alias: number): boolean {
    return this.#statements.targets.get(alias) !== undefined;
  }

  allTargets(): TargetRow[] {
    return this.#statements.allTargets.all();
  }

  deleteTarget(alias: number, address: string): boolean {
    return this.#statements.deleteTarget.run(alias, address).changes > 0;
  }

  removeEmptyAliases(): string[] {
    return this.#statements.deleteEmptyAliases.all();
  }

  /** An alias without targets, which only a list may be; its number. */
  insertEmptyAlias({ localPart, domain }: Address): number {
    this.#statements.insertAlias.run(localPart, domain);
    return this.#statements.alias.get(domain, localPart)?.number ?? 0;
  }

  grants(account: string): Address[] {
    return this.#statements.grants.all(account);
  }

  hasGrant(account: string, { localPart, domain }: Address): boolean {
    return this.#statements.grant.get(account, domain, localPart) !== undefined;
  }

  insertGrant(account: string, { localPart, domain }: Address): void {
    this.#statements.insertGrant.run(account, domain, localPart);
  }

  /** Whoever may send as the one may send as the other too. */
  copyGrants(from: Address, to: Address): void {
    this.#statements.copyGrants.run({
      localPart: from.localPart,
      domain: from.domain,
      toLocalPart: to.localPart,
      toDomain: to.domain,
    });
  }

  deleteGrant(account: string, { localPart, domain }: Address): boolean {
    return this.#statements.deleteGrant.run(account, domain, localPart).changes > 0;
  }

  #withTargets(row: AliasHead): AliasRow {
    const list = this.lists.list(row.number) ?? null;
    return { ...row, list, targets: this.#statements.targets.all(row.number) };
  }
}

/** So many rows after a place, of one domain or of all. */
interface Page {
  readonly afterDomain: string;
  readonly afterLocalPart: string;
  readonly domain: string | null;
  readonly count: number;
}

function pageOf(place: Address, domain: string | undefined, count: number): Page {
  return {
    afterDomain: place.domain,
    afterLocalPart: place.localPart,
    domain: domain ?? null,
    count,
  };
}

type AliasHead = Omit<AliasRow, "targets" | "list">;

function prepareAll(db: Database.Database) {
  return {
    changeCount: db.prepare<[], number>("SELECT total_changes()").pluck(),
    domain: db.prepare<[string], unknown>("SELECT 1 FROM domains WHERE name = ?"),
    twoDomains: db.prepare<[], string>("SELECT name FROM domains LIMIT 2").pluck(),
    postmasterAccount: db.prepare<[], AccountRow>(
      `${ACCOUNT} WHERE local_part = 'postmaster' AND ${IS_HERE} ORDER BY number LIMIT 1`,
    ),
    postmasterAlias: db.prepare<[], AliasHead>(
      `${ALIAS} WHERE local_part = 'postmaster' ORDER BY number LIMIT 1`,
    ),
    accountNamed: db.prepare<[string], AccountRow>(
      `${ACCOUNT} WHERE local_part = ? AND ${IS_HERE} ORDER BY number LIMIT 1`,
    ),
    domainsAfter: db.prepare<[string, number], DomainSummary>(`
      SELECT name AS domain,
             (SELECT count(*) FROM accounts WHERE accounts.domain = name AND ${IS_HERE}) AS accounts,
             (SELECT count(*) FROM aliases WHERE aliases.domain = name) AS aliases
      FROM domains WHERE name > ? ORDER BY name LIMIT ?`),
    domainOfAlias: db
      .prepare<[string], string>("SELECT domain FROM domain_aliases WHERE name = ?")
      .pluck(),
    domainAliases: db.prepare<[], DomainAlias>(
      "SELECT name AS alias, domain FROM domain_aliases ORDER BY name",
    ),
    insertDomainAlias: db.prepare<[string, string]>("INSERT INTO domain_aliases VALUES (?, ?)"),
    deleteDomainAlias: db.prepare<[string]>("DELETE FROM domain_aliases WHERE name = ?"),
    exception: db.prepare<[string, string], unknown>(
      "SELECT 1 FROM catch_all_exceptions WHERE domain = ? AND local_part = ?",
    ),
    exceptions: db.prepare<[string], Address>(`
      SELECT local_part AS localPart, domain FROM catch_all_exceptions
      WHERE domain = ? ORDER BY local_part`),
    insertException: db.prepare<[string, string]>(
      "INSERT INTO catch_all_exceptions VALUES (?, ?) ON CONFLICT DO NOTHING",
    ),
    deleteException: db.prepare<[string, string]>(
      "DELETE FROM catch_all_exceptions WHERE domain = ? AND local_part = ?",
    ),
    insertDomain: db.prepare<[string, number]>("INSERT INTO domains VALUES (?, ?)"),
    deleteDomain: db.prepare<[string]>("DELETE FROM domains WHERE name = ?"),

    account: db.prepare<[string, string], AccountRow>(
      `${ACCOUNT} WHERE domain = ? AND local_part = ? AND ${IS_HERE}`,
    ),
    removedAccount: db.prepare<[string, string], AccountRow>(
      `${ACCOUNT} WHERE domain = ? AND local_part = ? AND NOT ${IS_HERE}`,
    ),
    removedAccounts: db.prepare<[], AccountRow>(
      `${ACCOUNT} WHERE NOT ${IS_HERE} ORDER BY removed_until_ms LIMIT ${limits.accountsPerPage}`,
    ),
    accountOfId: db.prepare<[string], AccountRow>(`${ACCOUNT} WHERE id = ?`),
    accountsOf: db.prepare<[string], AccountRow>(`${ACCOUNT} WHERE domain = ?`),
    addressOf: db.prepare<[string], Address>(
      "SELECT local_part AS localPart, domain FROM accounts WHERE id = ?",
    ),
    firstAccount: db.prepare<[{ readonly domain: string | null }], AccountRow>(
      `${ACCOUNT} WHERE (@domain IS NULL OR domain = @domain) AND ${IS_HERE}
       ORDER BY disabled IS NOT NULL, number LIMIT 1`,
    ),
    accountsAfter: db.prepare<[Page], AccountRow>(
      `${ACCOUNT} WHERE ${AFTER} AND ${IS_HERE} ORDER BY domain, local_part LIMIT @count`,
    ),
    insertAccount: db.prepare<[NewAccountRow]>(`
      INSERT INTO accounts (id, local_part, domain, quota_bytes, quota_messages, compression, format, created_ms)
      VALUES (@id, @localPart, @domain, @quotaBytes, @quotaMessages, @compression, @format, @createdMs)`),
    updateQuota: db.prepare<[number | null, number | null, string]>(
      "UPDATE accounts SET quota_bytes = ?, quota_messages = ? WHERE id = ?",
    ),
    updateCompression: db.prepare<[string | null, string]>(
      "UPDATE accounts SET compression = ? WHERE id = ?",
    ),
    updateAppPasswordsOnly: db.prepare<[number, string]>(
      "UPDATE accounts SET app_passwords_only = ? WHERE id = ?",
    ),
    updateWebhookUrl: db.prepare<[string | null, string]>(
      "UPDATE accounts SET webhook_url = ? WHERE id = ?",
    ),
    updateDisabled: db.prepare<[string | null, string]>(
      "UPDATE accounts SET disabled = ? WHERE id = ?",
    ),
    updateKeepsOld: db.prepare<[number, string]>("UPDATE accounts SET keeps_old = ? WHERE id = ?"),
    updateRemovedUntil: db.prepare<[number | null, string]>(
      "UPDATE accounts SET removed_until_ms = ? WHERE id = ?",
    ),
    updateMovingTo: db.prepare<[string | null, string]>(
      "UPDATE accounts SET moving_to = ? WHERE id = ?",
    ),
    updateAddress: db.prepare<[string, string, string]>(
      "UPDATE accounts SET local_part = ?, domain = ?, moving_to = NULL WHERE id = ?",
    ),
    moveDomainParts: [
      "UPDATE aliases SET domain = ? WHERE domain = ?",
      "UPDATE domain_aliases SET domain = ? WHERE domain = ?",
      "UPDATE catch_all_exceptions SET domain = ? WHERE domain = ?",
      "UPDATE OR REPLACE sender_grants SET domain = ? WHERE domain = ?",
    ].map((sql) => db.prepare<[string, string]>(sql)),
    updateTarget: db.prepare<[string, number, string]>(
      "UPDATE OR REPLACE alias_targets SET address = ? WHERE alias = ? AND address = ?",
    ),
    deleteAccount: db.prepare<[string]>("DELETE FROM accounts WHERE id = ?"),
    deleteAccountsOf: db.prepare<[string]>("DELETE FROM accounts WHERE domain = ?"),

    alias: db.prepare<[string, string], AliasHead>(`${ALIAS} WHERE domain = ? AND local_part = ?`),
    aliasCount: db
      .prepare<[string], number>("SELECT count(*) FROM aliases WHERE domain = ?")
      .pluck(),
    aliasesAfter: db.prepare<[Page], AliasHead>(
      `${ALIAS} WHERE ${AFTER} AND number NOT IN (SELECT alias FROM lists)
       ORDER BY domain, local_part LIMIT @count`,
    ),
    insertAlias: db.prepare<[string, string]>(
      "INSERT INTO aliases (local_part, domain) VALUES (?, ?) ON CONFLICT DO NOTHING",
    ),
    updateAliasRights: db.prepare<[string | null, number, number]>(
      "UPDATE aliases SET accepts_from = ?, receives_only = ? WHERE number = ?",
    ),
    deleteAlias: db.prepare<[number]>("DELETE FROM aliases WHERE number = ?"),
    deleteAliasesOf: db.prepare<[string]>("DELETE FROM aliases WHERE domain = ?"),
    deleteEmptyAliases: db
      .prepare<[], string>(`
        DELETE FROM aliases WHERE number NOT IN (SELECT alias FROM alias_targets)
          AND number NOT IN (SELECT alias FROM lists)
        RETURNING local_part || '@' || domain`)
      .pluck(),

    targets: db
      .prepare<[number], string>(
        "SELECT address FROM alias_targets WHERE alias = ? ORDER BY number",
      )
      .pluck(),
    allTargets: db.prepare<[], TargetRow>("SELECT alias, address FROM alias_targets"),
    insertTarget: db.prepare<[number | undefined, string]>(
      "INSERT INTO alias_targets (alias, address) VALUES (?, ?)",
    ),
    deleteTarget: db.prepare<[number, string]>(
      "DELETE FROM alias_targets WHERE alias = ? AND address = ?",
    ),

    grant: db.prepare<[string, string, string], unknown>(
      "SELECT 1 FROM sender_grants WHERE account = ? AND domain = ? AND local_part = ?",
    ),
    grants: db.prepare<[string], Address>(`
      SELECT local_part AS localPart, domain FROM sender_grants
      WHERE account = ? ORDER BY domain, local_part`),
    insertGrant: db.prepare<[string, string, string]>(
      "INSERT INTO sender_grants (account, domain, local_part) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    ),
    copyGrants: db.prepare<[Readonly<Record<string, string>>]>(`
      INSERT OR IGNORE INTO sender_grants (account, domain, local_part)
      SELECT account, @toDomain, @toLocalPart FROM sender_grants
      WHERE domain = @domain AND local_part = @localPart`),
    deleteGrant: db.prepare<[string, string, string]>(
      "DELETE FROM sender_grants WHERE account = ? AND domain = ? AND local_part = ?",
    ),
  };
}
