import type Database from "better-sqlite3";

type Makers = Record<string, (database: Database.Database) => unknown>;

/** What `Table` makes, of one database. */
export type OnDemand<Table extends Makers> = {
  readonly [Name in keyof Table]: ReturnType<Table[Name]>;
};

/**
 * Prepared statements, each made when it is first asked for. A reader has some thirty and a writer some hundred, of
 * which most accounts need a few; all of them would cost most of the time of an opening, and 2 KiB each for as long
 * as it is open.
 */
export function onDemand<Table extends Makers>(
  table: Table,
): (database: Database.Database) => OnDemand<Table> {
  const databases = new WeakMap<object, Database.Database>();
  const prototype: object = {};
  for (const [name, make] of Object.entries(table)) {
    Object.defineProperty(prototype, name, {
      get(this: object) {
        const database = databases.get(this);
        if (database === undefined) throw new Error(`There is no database for "${name}"`);
        const value = make(database);
        Object.defineProperty(this, name, { value });
        return value;
      },
    });
  }
  return (database) => {
    const made = Object.create(prototype) as OnDemand<Table>;
    databases.set(made, database);
    return made;
  };
}

/**
 * SQLite plans such a statement anew whenever a value is bound that it would look up in its statistics (STAT4), with
 * which better-sqlite3 is compiled and of which an index has none: 10 to 15 µs for a read of 2. It does not look
 * behind a "+".
 */
export const plannedOnce = (sql: string): string =>
  sql.replaceAll(/(?<=[=<>] |\bBETWEEN |\bBETWEEN \? AND )\?/gu, "+?");

/** A statement to be made of a database. */
export const rows =
  <Parameters extends unknown[], Row = unknown>(sql: string) =>
  (database: Database.Database) =>
    database.prepare<Parameters, Row>(plannedOnce(sql));
/** Rows as arrays. */
export const raw =
  <Parameters extends unknown[], Row = unknown>(sql: string) =>
  (database: Database.Database) =>
    database.prepare<Parameters, Row>(plannedOnce(sql)).raw();
/** Of each row the one value that it has. */
export const values =
  <Parameters extends unknown[], Row = unknown>(sql: string) =>
  (database: Database.Database) =>
    database.prepare<Parameters, Row>(plannedOnce(sql)).pluck();
