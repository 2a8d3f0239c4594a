import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { ConnectionEnded } from "./dialogue.ts";
import { ImapDialogue, ImapRefused } from "./imap-dialogue.ts";
import { Latch } from "./latch.ts";
import { numberOf } from "./numbered-message.ts";
import { password } from "./people.ts";

const AWAY_MS = 20;

export interface ReaderOptions {
  /** The port of "imap" at this moment. */
  readonly portOf: (name: string) => number;
  readonly user: string;
}

/**
 * A reader who watches INBOX, fetches what is new, and connects again when the server is gone. It holds
 * the server to what it has said: a UID stays with its message, and UIDVALIDITY stays.
 */
export class NumberedReader implements AsyncDisposable {
  readonly #options: ReaderOptions;
  /** Numbers by UID. */
  readonly seen = new Map<number, number>();
  readonly #numbers = new Set<number>();
  readonly #changed = new Latch();
  readonly #reading: Promise<void>;
  #uidValidity: string | undefined;
  #imap: ImapDialogue | undefined;
  #isOver = false;
  #failure: unknown;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#reading = this.#run().catch((error: unknown) => {
      this.#failure = error;
      this.#changed.open();
    });
  }

  /** Resolves when every one of these has been read. */
  async hasAll(numbers: Iterable<number>): Promise<void> {
    const missing = new Set(numbers);
    await this.#changed
      .until("all that was accepted is read", () => {
        if (this.#failure !== undefined) throw this.#failure;
        for (const number of missing) if (this.#numbers.has(number)) missing.delete(number);
        return missing.size === 0;
      })
      .catch((cause: unknown) => {
        throw new Error(`Not read: ${[...missing].join(", ")}`, { cause });
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#imap?.[Symbol.dispose]();
    await this.#reading;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      try {
        using imap = await this.#login();
        this.#imap = imap;
        for (;;) await this.#read(imap);
      } catch (error) {
        if (!isPassing(error)) throw error;
        await delay(AWAY_MS);
      }
    }
  }

  async #login(): Promise<ImapDialogue> {
    const { portOf, user } = this.#options;
    const imap = await ImapDialogue.login(portOf("imap"), user, password);
    const lines = await imap.ok("SELECT INBOX");
    const told = lines.map(({ text }) => /\[UIDVALIDITY (\d+)\]/.exec(text)?.[1]).find(Boolean);
    this.#uidValidity ??= told;
    assert.equal(told, this.#uidValidity, "UIDVALIDITY is another");
    await this.#compare(imap);
    return imap;
  }

  /** What was seen before is what is there now. */
  async #compare(imap: ImapDialogue): Promise<void> {
    const last = [...this.seen.keys()].slice(-20);
    if (last.length === 0) return;
    const found = new Map<number, number>();
    const fetched = await imap.ok(
      `UID FETCH ${last.join(",")} (BODY.PEEK[HEADER.FIELDS (X-Number)])`,
    );
    for (const { text, literals } of fetched) {
      const uid = /\bUID (\d+)/.exec(text)?.[1];
      if (uid !== undefined) found.set(Number(uid), Number(/\d+/.exec(String(literals[0]))?.[0]));
    }
    for (const uid of last)
      assert.equal(found.get(uid), this.seen.get(uid), `UID ${uid} is another`);
  }

  async #read(imap: ImapDialogue): Promise<void> {
    const { exists } = imap;
    const lastUid = Math.max(0, ...[...this.seen.keys()].slice(-1));
    for (const [uid, octets] of await imap.messagesFrom(lastUid + 1)) {
      const number = numberOf(octets);
      this.seen.set(uid, number);
      this.#numbers.add(number);
    }
    this.#changed.open();
    await imap.existsBeyond(exists);
  }
}

/** The server is away, or says that something behind it is. */
const isPassing = (error: unknown): boolean =>
  error instanceof ConnectionEnded ||
  (error instanceof ImapRefused && error.completion.startsWith("NO [UNAVAILABLE]"));
