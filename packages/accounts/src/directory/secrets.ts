import { createHash } from "node:crypto";
import type Database from "better-sqlite3";
import type { LastLogin, LoginPlace } from "../admin-client.ts";
import { limits } from "../limits.ts";
import type { ScramKeys, ScramSalt } from "../passwords/scram-keys.ts";
import { AppPasswords, appPasswordsSchema } from "./app-passwords.ts";
import { type Migration, openDatabase } from "./open-database.ts";

/** A password as it is now. */
export interface StoredPassword extends KeptPassword {
  /** One more with each other password, and the same where only the form of keeping it changes. */
  readonly version: number;
}

/** What is kept of a password. */
export interface KeptPassword {
  /** bcrypt, `$2b$`. */
  readonly hash: string;
  /** Whether it went through SASLprep; a hash that was taken over from another program did not. */
  readonly isPrepared: boolean;
  /** Absent with a hash that was taken over, until its next login. */
  readonly scram?: ScramKeys;
}

export interface LoginRecord {
  readonly accountId: string;
  readonly protocol: string;
  readonly atMs: number;
  readonly remoteAddress: string;
  readonly logins: number;
}

/** As LoginRecord, of one password. */
export interface LoginPlaceRecord extends LoginRecord {
  /** "" for the account's own password. */
  readonly appPassword: string;
  readonly firstMs: number;
}

/**
 * secrets.sqlite, version by version. Accounts are named by their id only.
 */
export const secretsMigrations: readonly Migration[] = [
  `
  CREATE TABLE passwords (
    account           TEXT PRIMARY KEY,
    hash              TEXT NOT NULL,
    is_prepared       INTEGER NOT NULL,
    scram_iterations  INTEGER,               -- SCRAM-SHA-256, NULL together
    scram_salt        BLOB,
    scram_stored_key  BLOB,
    scram_server_key  BLOB,
    changed_ms        INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE last_logins (
    account         TEXT NOT NULL,
    protocol        TEXT NOT NULL,
    at_ms           INTEGER NOT NULL,
    remote_address  TEXT NOT NULL,
    logins          INTEGER NOT NULL,
    PRIMARY KEY (account, protocol)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE passwords ADD COLUMN sha1_iterations INTEGER;   -- SCRAM-SHA-1, NULL together
  ALTER TABLE passwords ADD COLUMN sha1_salt       BLOB;
  ALTER TABLE passwords ADD COLUMN sha1_stored_key BLOB;
  ALTER TABLE passwords ADD COLUMN sha1_server_key BLOB;

  CREATE TABLE false_salt_key (key BLOB NOT NULL) STRICT;     -- one row, made once
  INSERT INTO false_salt_key VALUES (randomblob(32));
  `,
  // SHA-1 keys are those of app passwords from here on: a chosen password is too weak for it.
  `
  ALTER TABLE passwords DROP COLUMN sha1_iterations;
  ALTER TABLE passwords DROP COLUMN sha1_salt;
  ALTER TABLE passwords DROP COLUMN sha1_stored_key;
  ALTER TABLE passwords DROP COLUMN sha1_server_key;
  ${appPasswordsSchema}
  CREATE INDEX app_passwords_of ON app_passwords (account);
  `,
  `
  -- Where accounts have logged in from: those networks are spared bans.
  CREATE TABLE login_networks (
    account  TEXT NOT NULL,
    network  TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (account, network)
  ) STRICT, WITHOUT ROWID;

  -- Bans that an administrator made.
  CREATE TABLE bans (
    network   TEXT PRIMARY KEY,              -- an address or network as it was given
    until_ms  INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE rewriting_key (key BLOB NOT NULL) STRICT;      -- one row, made once
  INSERT INTO rewriting_key VALUES (randomblob(32));
  `,
  `
  -- Made here, readable since APOP needs them so, and never an account's password.
  CREATE TABLE apop_secrets (
    account     TEXT PRIMARY KEY,
    secret      TEXT NOT NULL,
    created_ms  INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- From where accounts logged in lately: limits.ts has how many and how long.
  CREATE TABLE login_places (
    account         TEXT NOT NULL,
    protocol        TEXT NOT NULL,
    remote_address  TEXT NOT NULL,
    app_password    TEXT NOT NULL,           -- its name; '': the account's own
    first_ms        INTEGER NOT NULL,
    last_ms         INTEGER NOT NULL,
    logins          INTEGER NOT NULL,
    PRIMARY KEY (account, protocol, remote_address, app_password)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX login_places_by_time ON login_places (account, last_ms);
  CREATE INDEX login_places_by_age ON login_places (last_ms);
  `,
  // What sessions rest on that were opened with it.
  "ALTER TABLE passwords ADD COLUMN version INTEGER NOT NULL DEFAULT 1;",
  `
  -- What signs what an account's webhook is told; made here.
  CREATE TABLE webhook_secrets (
    account     TEXT PRIMARY KEY,
    secret      TEXT NOT NULL,
    created_ms  INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
];

/** What proves who somebody is. Only apps/auth opens it. */
export class Secrets {
  readonly appPasswords: AppPasswords;
  readonly #database: Database.Database;
  readonly #statements: ReturnType<typeof prepareAll>;
  readonly #now: () => number;

  /** @throws DatabaseError */
  constructor(options: { readonly path: string; readonly now?: () => number }) {
    this.#database = openDatabase(options.path, {
      what: "database of passwords",
      mode: 0o600,
      migrations: secretsMigrations,
    });
    this.#statements = prepareAll(this.#database);
    this.appPasswords = new AppPasswords(this.#database);
    this.#now = options.now ?? Date.now;
  }

  close(): void {
    this.#database.close();
  }

  password(accountId: string): StoredPassword | undefined {
    const row = this.#statements.password.get(accountId);
    if (row === undefined) return undefined;
    const scram = scramKeys(row.iterations, row.salt, row.storedKey, row.serverKey);
    return {
      hash: row.hash,
      isPrepared: row.isPrepared === 1,
      version: row.version,
      ...(scram && { scram }),
    };
  }

  /** What salts for names without an account are made of: known to nobody, and the same for ever. */
  falseSaltKey(): Buffer {
    const key = this.#statements.falseSaltKey.get();
    if (key === undefined) throw new Error("The key of false salts is not there");
    return key;
  }

  /** What senders are rewritten with, and found again. */
  rewritingKey(): Buffer {
    const key = this.#statements.rewritingKey.get();
    if (key === undefined) throw new Error("The key of rewritten senders is not there");
    return key;
  }

  /** What all passwords of an account share for SCRAM; undefined where none has keys yet. */
  scramSalt(accountId: string): ScramSalt | undefined {
    return this.appPasswords.saltOf(accountId) ?? this.password(accountId)?.scram;
  }

  hasPassword(accountId: string): boolean {
    return this.#statements.password.get(accountId) !== undefined;
  }

  setPassword(accountId: string, kept: KeptPassword): void {
    this.#keep(accountId, kept, { isOther: true });
  }

  /** Keeps the same password in another form; false when it, or the salt of all, was changed meanwhile. */
  replacePassword(accountId: string, oldHash: string, kept: KeptPassword): boolean {
    const replace = this.#database.transaction(() => {
      if (this.#statements.password.get(accountId)?.hash !== oldHash) return false;
      const salt = this.appPasswords.saltOf(accountId)?.salt;
      if (salt !== undefined && !kept.scram?.salt.equals(salt)) return false;
      this.#keep(accountId, kept, { isOther: false });
      return true;
    });
    return replace.immediate();
  }

  #keep(accountId: string, kept: KeptPassword, { isOther }: { readonly isOther: boolean }): void {
    const row = rowOf(accountId, kept, this.#now());
    this.#statements.setPassword.run({ ...row, step: isOther ? 1 : 0 });
  }

  apopSecret(accountId: string): string | undefined {
    return this.#statements.apopSecret.get(accountId);
  }

  /** Another one with each other secret, and no help in guessing it. */
  apopSecretVersion(accountId: string): string | undefined {
    const secret = this.apopSecret(accountId);
    return secret && createHash("sha256").update(secret).digest("hex").slice(0, 16);
  }

  setApopSecret(accountId: string, secret: string): void {
    this.#statements.setApopSecret.run(accountId, secret, this.#now());
  }

  removeApopSecret(accountId: string): boolean {
    return this.#statements.deleteApopSecret.run(accountId).changes > 0;
  }

  /** Who has one. */
  apopSecrets(): readonly { readonly accountId: string; readonly createdMs: number }[] {
    return this.#statements.apopSecrets.all();
  }

  webhookSecret(accountId: string): string | undefined {
    return this.#statements.webhookSecret.get(accountId);
  }

  setWebhookSecret(accountId: string, secret: string): void {
    this.#statements.setWebhookSecret.run(accountId, secret, this.#now());
  }

  removeWebhookSecret(accountId: string): void {
    this.#statements.deleteWebhookSecret.run(accountId);
  }

  /** Everything about an account. */
  remove(accountId: string): void {
    this.#database.transaction(() => {
      this.#statements.deletePassword.run(accountId);
      this.#statements.deleteApopSecret.run(accountId);
      this.#statements.deleteWebhookSecret.run(accountId);
      this.#statements.deleteNetworks.run(accountId);
      this.appPasswords.removeAll(accountId);
      this.#statements.deleteLogins.run(accountId);
      this.#statements.deletePlaces.run(accountId);
    })();
  }

  accountIds(): readonly string[] {
    return this.#statements.accountIds.all();
  }

  /** In one transaction; `logins` is added to what was counted before. */
  recordLogins(records: readonly LoginRecord[]): void {
    this.#database.transaction(() => {
      for (const record of records) this.#statements.recordLogin.run(record);
    })();
  }

  /** In one transaction; what is too old or too much goes. */
  recordPlaces(records: readonly LoginPlaceRecord[]): void {
    this.#database.transaction(() => {
      for (const record of records) this.#statements.recordPlace.run(record);
      for (const accountId of new Set(records.map((record) => record.accountId))) {
        this.#statements.forgetMorePlaces.run({ accountId, count: limits.loginPlacesMax });
      }
      this.#statements.forgetOldPlaces.run(this.#now() - limits.loginPlaceKeptMs);
    })();
  }

  /** The latest first. */
  places(accountId: string): LoginPlace[] {
    return this.#statements.places
      .all(accountId)
      .map(({ appPassword, ...place }) => (appPassword === "" ? place : { ...place, appPassword }));
  }

  /** When the account last logged in from there. */
  lastLoginFrom(accountId: string, network: string): number | undefined {
    return this.#statements.loginNetwork.get(accountId, network);
  }

  /** In one transaction; those older than `keptSinceMs` go. */
  recordNetworks(
    seen: readonly {
      readonly accountId: string;
      readonly network: string;
      readonly atMs: number;
    }[],
    keptSinceMs: number,
  ): void {
    this.#database.transaction(() => {
      for (const one of seen) this.#statements.recordNetwork.run(one);
      this.#statements.forgetNetworks.run(keptSinceMs);
    })();
  }

  bansByHand(): readonly { readonly network: string; readonly untilMs: number }[] {
    return this.#statements.bans.all();
  }

  addBan(network: string, untilMs: number): void {
    this.#statements.addBan.run(network, untilMs);
  }

  removeBan(network: string): boolean {
    return this.#statements.removeBan.run(network).changes > 0;
  }

  lastLogins(accountId: string): readonly LastLogin[] {
    return this.#statements.lastLogins.all(accountId);
  }
}

interface PasswordRow {
  readonly account: string;
  readonly hash: string;
  readonly isPrepared: number;
  readonly version: number;
  readonly iterations: number | null;
  readonly salt: Buffer | null;
  readonly storedKey: Buffer | null;
  readonly serverKey: Buffer | null;
}

function scramKeys(
  iterations: number | null,
  salt: Buffer | null,
  storedKey: Buffer | null,
  serverKey: Buffer | null,
): ScramKeys | undefined {
  if (iterations === null || salt === null || storedKey === null || serverKey === null) {
    return undefined;
  }
  return { iterations, salt, storedKey, serverKey };
}

function rowOf(account: string, kept: KeptPassword, changedMs: number) {
  const { hash, isPrepared, scram } = kept;
  return {
    account,
    hash,
    isPrepared: isPrepared ? 1 : 0,
    iterations: scram?.iterations ?? null,
    salt: scram?.salt ?? null,
    storedKey: scram?.storedKey ?? null,
    serverKey: scram?.serverKey ?? null,
    changedMs,
  };
}

function prepareAll(db: Database.Database) {
  return {
    password: db.prepare<[string], PasswordRow>(`
      SELECT account, hash, is_prepared AS isPrepared, version, scram_iterations AS iterations,
             scram_salt AS salt, scram_stored_key AS storedKey, scram_server_key AS serverKey
      FROM passwords WHERE account = ?`),
    setPassword: db.prepare<[ReturnType<typeof rowOf> & { readonly step: number }]>(`
      INSERT OR REPLACE INTO passwords VALUES
      (@account, @hash, @isPrepared, @iterations, @salt, @storedKey, @serverKey, @changedMs,
       COALESCE((SELECT version + @step FROM passwords WHERE account = @account), 1))`),
    rewritingKey: db.prepare<[], Buffer>("SELECT key FROM rewriting_key").pluck(),
    falseSaltKey: db.prepare<[], Buffer>("SELECT key FROM false_salt_key").pluck(),
    deletePassword: db.prepare<[string]>("DELETE FROM passwords WHERE account = ?"),
    deleteLogins: db.prepare<[string]>("DELETE FROM last_logins WHERE account = ?"),
    accountIds: db
      .prepare<[], string>(`
        SELECT account FROM passwords UNION SELECT account FROM last_logins
        UNION SELECT account FROM app_passwords UNION SELECT account FROM login_networks
        UNION SELECT account FROM apop_secrets UNION SELECT account FROM webhook_secrets
        UNION SELECT account FROM login_places`)
      .pluck(),
    apopSecret: db
      .prepare<[string], string>("SELECT secret FROM apop_secrets WHERE account = ?")
      .pluck(),
    setApopSecret: db.prepare<[string, string, number]>(
      "INSERT OR REPLACE INTO apop_secrets VALUES (?, ?, ?)",
    ),
    deleteApopSecret: db.prepare<[string]>("DELETE FROM apop_secrets WHERE account = ?"),
    apopSecrets: db.prepare<[], { readonly accountId: string; readonly createdMs: number }>(
      "SELECT account AS accountId, created_ms AS createdMs FROM apop_secrets",
    ),
    webhookSecret: db
      .prepare<[string], string>("SELECT secret FROM webhook_secrets WHERE account = ?")
      .pluck(),
    setWebhookSecret: db.prepare<[string, string, number]>(
      "INSERT OR REPLACE INTO webhook_secrets VALUES (?, ?, ?)",
    ),
    deleteWebhookSecret: db.prepare<[string]>("DELETE FROM webhook_secrets WHERE account = ?"),
    recordLogin: db.prepare<[LoginRecord]>(`
      INSERT INTO last_logins VALUES (@accountId, @protocol, @atMs, @remoteAddress, @logins)
      ON CONFLICT DO UPDATE SET at_ms = @atMs, remote_address = @remoteAddress,
                                logins = logins + @logins`),
    recordPlace: db.prepare<[LoginPlaceRecord]>(`
      INSERT INTO login_places
      VALUES (@accountId, @protocol, @remoteAddress, @appPassword, @firstMs, @atMs, @logins)
      ON CONFLICT DO UPDATE SET last_ms = @atMs, logins = logins + @logins`),
    places: db.prepare<[string], LoginPlace & { readonly appPassword: string }>(`
      SELECT protocol, remote_address AS remoteAddress, app_password AS appPassword,
             first_ms AS firstMs, last_ms AS lastMs, logins
      FROM login_places WHERE account = ? ORDER BY last_ms DESC`),
    forgetMorePlaces: db.prepare<[{ readonly accountId: string; readonly count: number }]>(`
      DELETE FROM login_places WHERE account = @accountId AND last_ms <
        (SELECT last_ms FROM login_places WHERE account = @accountId
         ORDER BY last_ms DESC LIMIT 1 OFFSET @count - 1)`),
    forgetOldPlaces: db.prepare<[number]>("DELETE FROM login_places WHERE last_ms < ?"),
    deletePlaces: db.prepare<[string]>("DELETE FROM login_places WHERE account = ?"),
    loginNetwork: db
      .prepare<[string, string], number>(
        "SELECT at_ms FROM login_networks WHERE account = ? AND network = ?",
      )
      .pluck(),
    recordNetwork: db.prepare<
      [{ readonly accountId: string; readonly network: string; readonly atMs: number }]
    >("INSERT OR REPLACE INTO login_networks VALUES (@accountId, @network, @atMs)"),
    forgetNetworks: db.prepare<[number]>("DELETE FROM login_networks WHERE at_ms < ?"),
    deleteNetworks: db.prepare<[string]>("DELETE FROM login_networks WHERE account = ?"),
    bans: db.prepare<[], { readonly network: string; readonly untilMs: number }>(
      "SELECT network, until_ms AS untilMs FROM bans ORDER BY network",
    ),
    addBan: db.prepare<[string, number]>("INSERT OR REPLACE INTO bans VALUES (?, ?)"),
    removeBan: db.prepare<[string]>("DELETE FROM bans WHERE network = ?"),
    lastLogins: db.prepare<[string], LastLogin>(`
      SELECT protocol, at_ms AS atMs, remote_address AS remoteAddress, logins
      FROM last_logins WHERE account = ? ORDER BY protocol`),
  };
}
