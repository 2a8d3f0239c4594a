import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { limits } from "./limits.ts";
import type { Report } from "./report.ts";

/** A report that counts. */
export type KeptReport = Report & {
  /** The same again when it is sent again. */
  readonly id: string;
  /** The domain that stands behind the message: who says all this. */
  readonly from: string;
  readonly receivedMs: number;
};

/** A message that is no report that counts, and why: a clause that follows on "it". */
export interface RefusedReport {
  readonly kind: "refused";
  readonly from: string;
  readonly why: string;
  readonly receivedMs: number;
}

/** Up to which message a mailbox has been read. */
export interface ReadMark {
  readonly uidValidity: number;
  readonly uid: number;
}

const DAY_MS = 86_400_000;
/** As many of those that were refused are kept as an example. */
const REFUSED_MAX = 200;

/**
 * What is known of reports: rows made from the messages in the account for them. A file of JSON lines, the first
 * of which says what has been read. It can be deleted, and is then made again of the messages that are there.
 */
export class KeptReports {
  readonly #reports = new Map<string, { readonly report: KeptReport; readonly bytes: number }>();
  readonly #marks: Map<string, ReadMark>;
  #refused: RefusedReport[] = [];
  #bytes = 0;

  private constructor(marks: Iterable<readonly [string, ReadMark]> = []) {
    this.#marks = new Map(marks);
  }

  /** Of nothing, where the file is not there or is damaged: then all is read again. */
  static load(path: string): KeptReports {
    try {
      const [head = "", ...lines] = readFileSync(path, "utf8").trimEnd().split("\n");
      const { v, marks } = JSON.parse(head) as { v: number; marks: Record<string, ReadMark> };
      if (v !== 1) return new KeptReports();
      const kept = new KeptReports(Object.entries(marks));
      for (const line of lines) {
        const row = JSON.parse(line) as KeptReport | RefusedReport;
        if (row.kind === "refused") kept.refuse(row);
        else kept.keep(row);
      }
      return kept;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (error instanceof SyntaxError || code === "ENOENT") return new KeptReports();
      throw error;
    }
  }

  /** Whole or not at all. Two at the same time each write what is true. */
  save(path: string): void {
    const lines = [
      { v: 1, marks: Object.fromEntries(this.#marks) },
      ...this.#refused,
      ...this.reports,
    ].map((row) => `${JSON.stringify(row)}\n`);
    const temporary = `${path}.${process.pid}.tmp`;
    writeFileSync(temporary, lines.join(""), { mode: 0o600, flush: true });
    renameSync(temporary, path);
    const directory = openSync(dirname(path), "r");
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  }

  /** The oldest first. */
  get reports(): readonly KeptReport[] {
    return [...this.#reports.values()]
      .map(({ report }) => report)
      .sort((a, b) => a.receivedMs - b.receivedMs);
  }

  get refused(): readonly RefusedReport[] {
    return this.#refused;
  }

  get isFull(): boolean {
    return this.#bytes >= limits.keptBytesMax;
  }

  /** Others like this one that came within the same day. */
  countBeside({ id, from, kind, domain, receivedMs }: KeptReport): number {
    let count = 0;
    for (const { report } of this.#reports.values()) {
      const isLike = report.from === from && report.kind === kind && report.domain === domain;
      const isNear = Math.abs(receivedMs - report.receivedMs) < DAY_MS / 2;
      if (isLike && isNear && report.id !== id) count++;
    }
    return count;
  }

  keep(report: KeptReport): void {
    const bytes = JSON.stringify(report).length;
    this.#bytes += bytes - (this.#reports.get(report.id)?.bytes ?? 0);
    this.#reports.set(report.id, { report, bytes });
  }

  refuse(refused: RefusedReport): void {
    this.#refused.push(refused);
    if (this.#refused.length > REFUSED_MAX) this.#refused.shift();
  }

  /** Forgets what came before. */
  expire(beforeMs: number): void {
    for (const [id, { report, bytes }] of this.#reports) {
      if (report.receivedMs >= beforeMs) continue;
      this.#reports.delete(id);
      this.#bytes -= bytes;
    }
    this.#refused = this.#refused.filter(({ receivedMs }) => receivedMs >= beforeMs);
  }

  /** The last UID of a mailbox that has been read; 0 for one that has another UIDVALIDITY than it had. */
  readUpTo(mailboxId: string, uidValidity: number): number {
    const mark = this.#marks.get(mailboxId);
    return mark?.uidValidity === uidValidity ? mark.uid : 0;
  }

  mark(mailboxId: string, mark: ReadMark): void {
    this.#marks.set(mailboxId, mark);
  }
}

/** RFC 9990 §2.6.2: a report that comes again has its id again. */
export const idOf = (from: string, { kind, domain, reportId }: Report): string =>
  createHash("sha256")
    .update(JSON.stringify([from, kind, domain, reportId]))
    .digest("hex")
    .slice(0, 12);
