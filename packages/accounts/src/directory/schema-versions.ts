import Database from "better-sqlite3";
import { directoryMigrations } from "./directory-schema.ts";
import { secretsMigrations } from "./secrets.ts";

/** The versions that this program makes of the two databases. */
export const schemaVersions = {
  directory: directoryMigrations.length,
  secrets: secretsMigrations.length,
} as const;

/** Which version databaseOctets() are of. */
export function schemaVersionIn(octets: Buffer): number {
  // In memory there is no WAL, and the header says that there is (SQLite's file format §1.3.3).
  const inMemory = Buffer.from(octets);
  inMemory.fill(1, 18, 20);
  const database = new Database(inMemory, { readonly: true });
  try {
    const statement = database.prepare<[], number>("SELECT version FROM schema_version").pluck();
    return statement.get() ?? 0;
  } finally {
    database.close();
  }
}
