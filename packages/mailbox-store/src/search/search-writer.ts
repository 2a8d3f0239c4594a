import type Database from "better-sqlite3";
import { packText, type TextRecord } from "./text-record.ts";

/** search.sqlite of one account, open for writing under its lock. */
export class SearchWriter {
  readonly #database: Database.Database;
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#statements = prepareStatements(database);
  }

  begin(): void {
    this.#database.exec("BEGIN IMMEDIATE");
  }

  commit(): void {
    this.#database.exec("COMMIT");
  }

  rollBack(): void {
    if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
  }

  /** Each life of each mailbox that it knows. */
  mailboxes(): readonly KnownMailbox[] {
    return this.#statements.mailboxes.all();
  }

  mailboxOf(guid: string, uidValidity: number): KnownMailbox {
    this.#statements.addMailbox.run(guid, uidValidity);
    const mailbox = this.#statements.mailbox.get(guid, uidValidity);
    if (mailbox === undefined) throw new Error(`There is no mailbox ${guid} after it was added`);
    return mailbox;
  }

  removeMailbox(id: number): void {
    this.#statements.removeMailbox.run(id);
  }

  setUidDone(mailbox: number, uid: number): void {
    this.#statements.setUidDone.run(uid, mailbox);
  }

  countMessages(mailbox: number): number {
    return this.#statements.countMessages.get(mailbox) ?? 0;
  }

  uidsAbove(mailbox: number, uid: number, limit: number): readonly number[] {
    return this.#statements.uidsAbove.all(mailbox, uid, limit);
  }

  hasMessage(mailbox: number, uid: number): boolean {
    return this.#statements.textOf.get(mailbox, uid) !== undefined;
  }

  addMessage(mailbox: number, uid: number, textId: number): void {
    this.#statements.addMessage.run(mailbox, uid, textId);
  }

  /** With its text, when no other message has the same. */
  removeMessage(mailbox: number, uid: number): void {
    const textId = this.#statements.textOf.get(mailbox, uid);
    this.#statements.removeMessage.run(mailbox, uid);
    if (textId === undefined || textId === 0) return;
    if (this.#statements.isUsed.get(textId) !== undefined) return;
    this.#statements.removeHeaderGrams.run(textId);
    this.#statements.removeBodyGrams.run(textId);
    this.#statements.removeText.run(textId);
  }

  textIdOf(emailId: Uint8Array): number | undefined {
    return this.#statements.textIdOf.get(emailId);
  }

  /** `record` is undefined for a text that is too large to be kept. */
  addText(emailId: Uint8Array, record: TextRecord | undefined): number {
    const header = record && packText(record.header);
    const body = record && packText(record.body);
    const added = this.#statements.addText.run(emailId, header ?? null, body ?? null);
    const id = Number(added.lastInsertRowid);
    if (record === undefined) return id;
    // FTS5 takes NUL for the end of the text.
    this.#statements.addHeaderGrams.run(id, record.header.replaceAll("\0", "\n"));
    this.#statements.addBodyGrams.run(id, record.body.replaceAll("\0", "\n"));
    return id;
  }
}

export interface KnownMailbox {
  readonly id: number;
  readonly guid: string;
  readonly uidValidity: number;
  readonly uidDone: number;
}

function prepareStatements(database: Database.Database) {
  const one = <Parameters extends unknown[], Value>(sql: string) =>
    database.prepare<Parameters, Value>(sql).pluck();
  const run = <Parameters extends unknown[]>(sql: string) => database.prepare<Parameters>(sql);
  return {
    mailboxes: database.prepare<[], KnownMailbox>("SELECT * FROM mailboxes"),
    mailbox: database.prepare<[string, number], KnownMailbox>(
      "SELECT * FROM mailboxes WHERE guid = ? AND uidValidity = ?",
    ),
    addMailbox: run<[string, number]>(
      "INSERT OR IGNORE INTO mailboxes (guid, uidValidity) VALUES (?, ?)",
    ),
    removeMailbox: run<[number]>("DELETE FROM mailboxes WHERE id = ?"),
    setUidDone: run<[number, number]>(
      "UPDATE mailboxes SET uidDone = max(uidDone, ?) WHERE id = ?",
    ),
    countMessages: one<[number], number>("SELECT count(*) FROM messages WHERE mailbox = ?"),
    uidsAbove: one<[number, number, number], number>(
      "SELECT uid FROM messages WHERE mailbox = ? AND uid > ? ORDER BY uid LIMIT ?",
    ),
    textOf: one<[number, number], number>(
      "SELECT text FROM messages WHERE mailbox = ? AND uid = ?",
    ),
    addMessage: run<[number, number, number]>("INSERT INTO messages VALUES (?, ?, ?)"),
    removeMessage: run<[number, number]>("DELETE FROM messages WHERE mailbox = ? AND uid = ?"),
    isUsed: one<[number], number>("SELECT 1 FROM messages WHERE text = ? LIMIT 1"),
    textIdOf: one<[Uint8Array], number>("SELECT id FROM texts WHERE emailId = ?"),
    addText: run<[Uint8Array, Uint8Array | null, Uint8Array | null]>(
      "INSERT INTO texts (emailId, header, body) VALUES (?, ?, ?)",
    ),
    removeText: run<[number]>("DELETE FROM texts WHERE id = ?"),
    addHeaderGrams: run<[number, string]>("INSERT INTO headerGrams (rowid, text) VALUES (?, ?)"),
    addBodyGrams: run<[number, string]>("INSERT INTO bodyGrams (rowid, text) VALUES (?, ?)"),
    removeHeaderGrams: run<[number]>("DELETE FROM headerGrams WHERE rowid = ?"),
    removeBodyGrams: run<[number]>("DELETE FROM bodyGrams WHERE rowid = ?"),
  };
}
