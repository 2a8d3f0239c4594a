import { setTimeout as sleep } from "node:timers/promises";
import { type AuthClient, AuthUnavailable } from "@posthouse/accounts";
import { EventSpool, type ImapEvent } from "@posthouse/imap-events";
import { StoreError } from "@posthouse/mailbox-store";
import { MailNotQueued } from "../filter/outgoing-mail.ts";
import { limits } from "../limits.ts";
import type { EventRunOptions } from "./run-event.ts";

export interface StoredScriptsOptions extends EventRunOptions {
  readonly auth: Pick<AuthClient, "findAccount">;
  /** Where imap writes down what happened. */
  readonly directory: string;
}

interface Waiting {
  readonly name: string;
  readonly event: ImapEvent;
}

/**
 * Runs the scripts that IMAP starts (RFC 6785): what waits in the directory, account by account, each in the
 * order of its events. What cannot be done now, such as with the queue away, is tried again until it is too old.
 *
 *   look ─▶ read what is new ─▶ a lane an account ─▶ run ─▶ remove ─▶ the next of the lane
 *                                    └── not now: wait ──┘
 */
export class StoredScripts implements AsyncDisposable {
  readonly #options: StoredScriptsOptions;
  readonly #spool: EventSpool;
  readonly #lanes = new Map<string, Waiting[]>();
  readonly #running = new Set<Promise<void>>();
  /** Lanes that wait for one of those that run to end. */
  readonly #turns: (() => void)[] = [];
  readonly #known = new Set<string>();
  readonly #closing = new AbortController();
  #atWork = 0;
  #looking: Promise<void> | undefined;
  #looksAgain = false;
  #watch: Disposable | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StoredScriptsOptions) {
    this.#options = options;
    this.#spool = new EventSpool(options.directory);
  }

  /** Runs what waits, and from now on what comes. */
  begin(): void {
    this.#watch = this.#spool.watch(() => this.#look());
    // Where nothing can be watched, and for what a watch lost.
    this.#timer = setInterval(() => this.#look(), limits.storedSweepMs).unref();
    this.#look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch?.[Symbol.dispose]();
    clearInterval(this.#timer);
    this.#closing.abort();
    for (const turn of this.#turns) turn();
    await this.#looking;
    await Promise.all(this.#running);
  }

  #look(): void {
    this.#looksAgain = true;
    this.#looking ??= this.#lookWhileAsked().finally(() => {
      this.#looking = undefined;
    });
  }

  async #lookWhileAsked(): Promise<void> {
    while (this.#looksAgain && !this.#closing.signal.aborted) {
      this.#looksAgain = false;
      try {
        for (const name of await this.#spool.list()) await this.#take(name);
      } catch (err) {
        this.#options.log.error({ err }, "Cannot look for scripts that are to be run");
      }
    }
  }

  async #take(name: string): Promise<void> {
    if (this.#known.has(name) || this.#closing.signal.aborted) return;
    const event = await this.#spool.read(name);
    if (event === undefined) {
      this.#options.log.warn({ name }, "What waits for a script cannot be read: it is removed");
      await this.#spool.remove(name);
      return;
    }
    this.#known.add(name);
    const lane = this.#lanes.get(event.account);
    if (lane !== undefined) {
      lane.push({ name, event });
      return;
    }
    const own = [{ name, event }];
    this.#lanes.set(event.account, own);
    const work = this.#workOff(event.account, own).finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  /** Never rejects. */
  async #workOff(address: string, lane: Waiting[]): Promise<void> {
    for (let failures = 0; lane[0] !== undefined; ) {
      const isDone = await this.#inTurn(lane[0]);
      if (this.#closing.signal.aborted) return;
      if (isDone) {
        lane.shift();
        failures = 0;
        continue;
      }
      failures += 1;
      const waitMs = Math.min(limits.storedRetryMs * 2 ** (failures - 1), limits.storedSweepMs);
      await sleep(waitMs, undefined, { ref: false, signal: this.#closing.signal }).catch(() => {});
    }
    this.#lanes.delete(address);
  }

  async #inTurn(waiting: Waiting): Promise<boolean> {
    while (this.#atWork >= limits.storedLanesMax && !this.#closing.signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#turns.push(resolve);
      await promise;
    }
    if (this.#closing.signal.aborted) return false;
    this.#atWork += 1;
    try {
      return await this.#run(waiting);
    } finally {
      this.#atWork -= 1;
      this.#turns.shift()?.();
    }
  }

  /** False when it is to be tried again. */
  async #run({ name, event }: Waiting): Promise<boolean> {
    const { auth, log } = this.#options;
    const about = { account: event.account, mailbox: event.mailbox, script: event.script };
    try {
      const account = await auth.findAccount(event.account);
      if (account !== undefined) {
        const { signal } = this.#closing;
        // With it comes the filter language, which most hosts never need.
        const { runEvent } = await import("./run-event.ts");
        await runEvent(this.#options, { account, event, name, signal });
      }
    } catch (err) {
      if (this.#closing.signal.aborted) return false;
      const isForNow =
        err instanceof AuthUnavailable ||
        err instanceof MailNotQueued ||
        (err instanceof StoreError && err.code === "unavailable");
      const isOld = Date.now() - this.#spool.timeOf(name) > limits.storedEventMs;
      if (isForNow && !isOld) {
        log.warn({ err, ...about }, "A script of a mailbox cannot be run now");
        return false;
      }
      log.error({ err, ...about }, "A script of a mailbox was given up");
    }
    await this.#spool.remove(name).catch((err: unknown) => {
      log.error({ err, ...about }, "A script of a mailbox has run, and will again");
    });
    this.#known.delete(name);
    return true;
  }
}
