import Database from "better-sqlite3";
import { DatabaseError } from "./open-database.ts";

/**
 * Holds a lock as long as this process lives: a transaction that is never ended, which the kernel
 * frees with the process. Two processes that both sweep and cache would undo each other's work.
 *
 * @throws DatabaseError when another process holds it
 */
export function lockInstance(path: string): Disposable {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    const isHeld = (cause as { readonly code?: string }).code === "SQLITE_BUSY";
    const reason = isHeld ? "another auth is running" : (cause as Error).message;
    throw new DatabaseError(`Cannot lock "${path}": ${reason}`, { cause });
  }
  return { [Symbol.dispose]: () => void database.close() };
}
