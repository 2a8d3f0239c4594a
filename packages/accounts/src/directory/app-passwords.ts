import type Database from "better-sqlite3";
import type { AppPassword } from "../admin-client.ts";
import type { LoginProtocol } from "../auth-client.ts";
import type { AppPasswordKeys } from "../passwords/app-password.ts";
import type { ScramKeys, ScramSalt } from "../passwords/scram-keys.ts";

/** What a login may be for. */
export const LOGIN_PROTOCOLS = [
  "imap",
  "pop3",
  "submission",
  "managesieve",
] as const satisfies readonly LoginProtocol[];

export interface AppPasswordUse {
  readonly id: string;
  readonly protocol: string;
  readonly atMs: number;
  readonly remoteAddress: string;
}

/** One that can log in, with what it is checked by. */
export interface KeptAppPassword {
  readonly id: string;
  readonly name: string;
  readonly scram: ScramKeys;
  readonly scramSha1: ScramKeys;
}

export const appPasswordsSchema = `
  CREATE TABLE app_passwords (
    number             INTEGER PRIMARY KEY,
    id                 TEXT NOT NULL UNIQUE,    -- [a-z0-9]{16}
    account            TEXT NOT NULL,
    name               TEXT NOT NULL,           -- whose it is: "Ann's telephone"
    scopes             TEXT NOT NULL,           -- protocols, a blank between two
    digest             BLOB NOT NULL UNIQUE,    -- SHA-256 of the password
    scram_iterations   INTEGER NOT NULL,        -- the account's: see keepAppPassword()
    scram_salt         BLOB NOT NULL,
    sha256_stored_key  BLOB NOT NULL,
    sha256_server_key  BLOB NOT NULL,
    sha1_stored_key    BLOB NOT NULL,
    sha1_server_key    BLOB NOT NULL,
    created_ms         INTEGER NOT NULL,
    used_ms            INTEGER,                 -- NULL together: never used
    used_for           TEXT,
    used_from          TEXT,
    UNIQUE (account, name)
  ) STRICT;
`;

/** The app passwords in secrets.sqlite: several an account, each for some protocols. */
export class AppPasswords {
  readonly #database: Database.Database;
  readonly #statements: ReturnType<typeof prepareAll>;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#statements = prepareAll(database);
  }

  add(
    accountId: string,
    added: {
      readonly id: string;
      readonly name: string;
      readonly scopes: readonly LoginProtocol[];
      readonly keys: AppPasswordKeys;
      readonly createdMs: number;
    },
  ): void {
    const { keys, scopes, ...rest } = added;
    this.#statements.insert.run({
      ...rest,
      account: accountId,
      scopes: scopes.join(" "),
      digest: keys.digest,
      iterations: keys.scram.iterations,
      salt: keys.scram.salt,
      storedKey: keys.scram.storedKey,
      serverKey: keys.scram.serverKey,
      sha1StoredKey: keys.scramSha1.storedKey,
      sha1ServerKey: keys.scramSha1.serverKey,
    });
  }

  /** The one that this is, when it is there and is for this protocol. */
  find(
    accountId: string,
    digest: Buffer,
    protocol: LoginProtocol,
  ): { readonly id: string; readonly name: string } | undefined {
    const row = this.#statements.byDigest.get(accountId, digest);
    if (row === undefined || !row.scopes.split(" ").includes(protocol)) return undefined;
    return { id: row.id, name: row.name };
  }

  /** Those for a protocol, in the order they were made. */
  ofProtocol(accountId: string, protocol: LoginProtocol): KeptAppPassword[] {
    return this.#statements.keys
      .all(accountId)
      .filter(({ scopes }) => scopes.split(" ").includes(protocol))
      .map(keptOf);
  }

  /** What all passwords of the account share, as far as app passwords say. */
  saltOf(accountId: string): ScramSalt | undefined {
    return this.#statements.salt.get(accountId);
  }

  list(accountId: string): AppPassword[] {
    return this.#statements.list
      .all(accountId)
      .map(({ scopes, usedMs, usedFor, usedFrom, ...row }) => ({
        ...row,
        scopes: scopes.split(" ") as LoginProtocol[],
        ...(usedMs !== null && {
          lastUse: { atMs: usedMs, protocol: usedFor ?? "", remoteAddress: usedFrom ?? "" },
        }),
      }));
  }

  count(accountId: string): number {
    return this.#statements.count.get(accountId) ?? 0;
  }

  hasId(accountId: string, id: string): boolean {
    return this.#statements.byId.get(accountId, id) !== undefined;
  }

  hasName(accountId: string, name: string): boolean {
    return this.#statements.byName.get(accountId, name) !== undefined;
  }

  /** By its id or its name. */
  remove(accountId: string, which: string): boolean {
    return this.#statements.remove.run(accountId, which, which).changes > 0;
  }

  removeAll(accountId: string): void {
    this.#statements.removeAll.run(accountId);
  }

  recordUses(uses: readonly AppPasswordUse[]): void {
    this.#database.transaction(() => {
      for (const use of uses) this.#statements.recordUse.run(use);
    })();
  }
}

interface KeysRow {
  readonly id: string;
  readonly name: string;
  readonly scopes: string;
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
  readonly sha1StoredKey: Buffer;
  readonly sha1ServerKey: Buffer;
}

interface ListRow {
  readonly id: string;
  readonly name: string;
  readonly scopes: string;
  readonly createdMs: number;
  readonly usedMs: number | null;
  readonly usedFor: string | null;
  readonly usedFrom: string | null;
}

const keptOf = ({ id, name, iterations, salt, ...keys }: KeysRow): KeptAppPassword => ({
  id,
  name,
  scram: { iterations, salt, storedKey: keys.storedKey, serverKey: keys.serverKey },
  scramSha1: { iterations, salt, storedKey: keys.sha1StoredKey, serverKey: keys.sha1ServerKey },
});

function prepareAll(db: Database.Database) {
  return {
    insert: db.prepare<[Readonly<Record<string, unknown>>]>(`
      INSERT INTO app_passwords
        (id, account, name, scopes, digest, scram_iterations, scram_salt, sha256_stored_key,
         sha256_server_key, sha1_stored_key, sha1_server_key, created_ms)
      VALUES (@id, @account, @name, @scopes, @digest, @iterations, @salt, @storedKey, @serverKey,
              @sha1StoredKey, @sha1ServerKey, @createdMs)`),
    byDigest: db.prepare<
      [string, Buffer],
      { readonly id: string; readonly name: string; readonly scopes: string }
    >("SELECT id, name, scopes FROM app_passwords WHERE account = ? AND digest = ?"),
    byId: db.prepare<[string, string], unknown>(
      "SELECT 1 FROM app_passwords WHERE account = ? AND id = ?",
    ),
    byName: db.prepare<[string, string], unknown>(
      "SELECT 1 FROM app_passwords WHERE account = ? AND name = ?",
    ),
    keys: db.prepare<[string], KeysRow>(`
      SELECT id, name, scopes, scram_iterations AS iterations, scram_salt AS salt,
             sha256_stored_key AS storedKey, sha256_server_key AS serverKey,
             sha1_stored_key AS sha1StoredKey, sha1_server_key AS sha1ServerKey
      FROM app_passwords WHERE account = ? ORDER BY number`),
    salt: db.prepare<[string], ScramSalt>(`
      SELECT scram_iterations AS iterations, scram_salt AS salt
      FROM app_passwords WHERE account = ? ORDER BY number LIMIT 1`),
    list: db.prepare<[string], ListRow>(`
      SELECT id, name, scopes, created_ms AS createdMs, used_ms AS usedMs, used_for AS usedFor,
             used_from AS usedFrom
      FROM app_passwords WHERE account = ? ORDER BY number`),
    count: db
      .prepare<[string], number>("SELECT count(*) FROM app_passwords WHERE account = ?")
      .pluck(),
    remove: db.prepare<[string, string, string]>(
      "DELETE FROM app_passwords WHERE account = ? AND (id = ? OR name = ?)",
    ),
    removeAll: db.prepare<[string]>("DELETE FROM app_passwords WHERE account = ?"),
    recordUse: db.prepare<[AppPasswordUse]>(`
      UPDATE app_passwords SET used_ms = @atMs, used_for = @protocol, used_from = @remoteAddress
      WHERE id = @id`),
  };
}
