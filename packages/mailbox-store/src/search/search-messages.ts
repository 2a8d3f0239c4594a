import { setImmediate as nextTurn } from "node:timers/promises";
import { indexIdentity } from "../index/index-file.ts";
import type { MailboxState } from "../index/index-reader.ts";
import { IndexReader } from "../index/index-reader.ts";
import { detailsId } from "../index/schema.ts";
import { limits } from "../limits.ts";
import { errnoOf } from "../maildir/durable-file.ts";
import { StoreError } from "../store-error.ts";
import { openSource } from "./message-source.ts";
import { foldedEnvelopeTexts, readTexts } from "./message-texts.ts";
import { isSearchDamage } from "./search-file.ts";
import type { SearchRequest, SearchResult } from "./search-jobs.ts";
import { type Candidate, type Located, SearchTexts } from "./search-texts.ts";
import { PreparedCriterion } from "./text-matcher.ts";

/**
 * Answers what the messages of an account say, in the search thread. The search text names the few that may
 * fit and says whether they do; messages that it does not have yet are read. So the answer is the same
 * without it, only later.
 */
export class AccountSearch {
  readonly #accountPath: string;
  readonly #messageBytesMax: number;
  readonly #reader: IndexReader;
  #texts: SearchTexts | undefined;
  /** The identity of one that is not to be trusted. */
  #damaged: string | undefined;

  constructor(accountPath: string, messageBytesMax: number) {
    this.#accountPath = accountPath;
    this.#messageBytesMax = messageBytesMax;
    this.#reader = new IndexReader(accountPath);
  }

  close(): void {
    this.#reader.close();
    this.#closeTexts();
  }

  async search(request: SearchRequest): Promise<SearchResult> {
    const prepared = new PreparedCriterion(request.criterion);
    this.#followIndex();
    const mailbox = await this.#reader.read((queries) => queries.mailboxByGuid.get(request.guid));
    if (mailbox === undefined) {
      throw new StoreError("not-found", `The mailbox of id ${request.guid} was deleted`);
    }
    const run = new SearchRun(
      mailbox,
      prepared,
      (uid) => openSource(this.#accountPath, this.#reader, mailbox, uid, this.#messageBytesMax),
      this.#reader,
    );
    const { candidates, unknown } = this.#locate(mailbox, request.uids, prepared);
    for (const candidate of candidates) {
      const fits = this.#fits(candidate, prepared);
      if (fits === undefined) unknown.push(candidate.uid);
      else if (fits) run.found.push(candidate.uid);
      await run.pace();
    }
    await run.read(unknown);
    return {
      found: Uint32Array.from(run.found).sort(),
      missing: Uint32Array.from(run.missing).sort(),
      isDamaged: this.#damaged !== undefined,
    };
  }

  #locate(
    mailbox: MailboxState,
    uids: Uint32Array,
    prepared: PreparedCriterion,
  ): { readonly candidates: Located["candidates"]; readonly unknown: number[] } {
    const located = this.#trying((texts) => texts.locate(mailbox, uids, prepared));
    if (located === undefined) return { candidates: [], unknown: [...uids] };
    return { candidates: located.candidates, unknown: [...located.unknown] };
  }

  #fits(candidate: Candidate, prepared: PreparedCriterion): boolean | undefined {
    return this.#trying((texts) => texts.fits(candidate, prepared));
  }

  /** Whatever is wrong with the search text, the files say the same. */
  #trying<Result>(run: (texts: SearchTexts) => Result): Result | undefined {
    try {
      this.#texts ??= this.#openTexts();
      return this.#texts && run(this.#texts);
    } catch (error) {
      if (isSearchDamage(error)) this.#damaged = this.#texts?.identity ?? "unopened";
      this.#closeTexts();
      return undefined;
    }
  }

  #openTexts(): SearchTexts | undefined {
    const texts = SearchTexts.open(this.#accountPath);
    if (texts?.identity === this.#damaged) {
      texts?.close();
      return undefined;
    }
    this.#damaged = undefined;
    return texts;
  }

  #closeTexts(): void {
    this.#texts?.close();
    this.#texts = undefined;
  }

  /** Both may have been deleted or begun anew since the last search. */
  #followIndex(): void {
    try {
      const identity = this.#reader.identity;
      if (identity !== undefined && identity !== indexIdentity(this.#accountPath)) {
        this.#reader.close();
      }
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      this.#reader.close();
    }
    if (this.#texts?.isReplaced(this.#accountPath) === true) this.#closeTexts();
  }
}

/** One question, and what was found so far. */
class SearchRun {
  readonly found: number[] = [];
  readonly missing: number[] = [];
  readonly #open: (uid: number) => ReturnType<typeof openSource>;
  readonly #reader: IndexReader;
  readonly #mailbox: MailboxState;
  readonly #prepared: PreparedCriterion;
  #turnBeganMs = performance.now();

  constructor(
    mailbox: MailboxState,
    prepared: PreparedCriterion,
    open: (uid: number) => ReturnType<typeof openSource>,
    reader: IndexReader,
  ) {
    this.#open = open;
    this.#reader = reader;
    this.#mailbox = mailbox;
    this.#prepared = prepared;
  }

  /** Lets other searches have their turn. */
  async pace(): Promise<void> {
    if (performance.now() - this.#turnBeganMs < limits.searchTurnMs) return;
    await nextTurn();
    this.#turnBeganMs = performance.now();
  }

  /** Looks at messages whose text is not known: into their envelope, where that decides, else into the file. */
  async read(uids: readonly number[]): Promise<void> {
    let next = 0;
    const readSome = async (): Promise<void> => {
      while (next < uids.length) {
        const uid = uids[next] ?? 0;
        next += 1;
        await this.#readOne(uid).catch(passOverUnreadable);
        await this.pace();
      }
    };
    await Promise.all(Array.from({ length: limits.searchFilesAtOnce }, readSome));
  }

  async #readOne(uid: number): Promise<void> {
    const known = await this.#fitsEnvelope(uid);
    if (known !== undefined) {
      if (known) this.found.push(uid);
      return;
    }
    const source = await this.#open(uid);
    if (source === "missing") this.missing.push(uid);
    if (source === "missing" || source === "expunged") return;
    try {
      const matcher = this.#prepared.matcher();
      if (!matcher.isFound) await readTexts(source, source.root, this.#prepared.extent, matcher);
      if (matcher.isFound) this.found.push(uid);
    } finally {
      await source[Symbol.asyncDispose]();
    }
  }

  /** undefined when the envelope does not decide, or is not in the index yet. */
  async #fitsEnvelope(uid: number): Promise<boolean | undefined> {
    const field = this.#prepared.envelopeField;
    if (field === undefined) return undefined;
    const { id } = this.#mailbox;
    const details = await this.#reader.read((queries) => queries.details.get(detailsId(id, uid)));
    if (details === undefined) return undefined;
    const texts = foldedEnvelopeTexts(details.envelope, field);
    return texts.some((text) => this.#prepared.fitsEnvelopeText(text));
  }
}

/** A file that is no message, whatever is tried, says nothing. */
function passOverUnreadable(error: unknown): void {
  if (!(error instanceof StoreError && error.code === "unreadable")) throw error;
}
