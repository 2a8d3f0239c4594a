import { createPublicKey } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { acmeCertificateFile, type Config, isForOperator, tlsaOfKey } from "@posthouse/service";
import { limits } from "../limits.ts";
import { accountKey, newKey } from "./account-key.ts";
import { crashPoint } from "./crash-point.ts";
import { writeDurably } from "./durable-file.ts";
import { type IssuedCertificate, issuedOf, readIssued, renewAtMs } from "./issued-certificate.ts";
import { backOffMs, type LastTry, readLastTry, writeLastTry } from "./last-try.ts";
import { forgetNextKey, makeNextKey, readNextKey } from "./next-key.ts";
import { OrderFailure } from "./order-failure.ts";

/** What the ACME server is asked for. */
export interface OrderRequest {
  readonly directoryUrl: string;
  readonly contact?: string;
  readonly names: readonly string[];
  readonly accountKey: string;
  readonly certificateKey: string;
  readonly caFile?: string;
}

/** Resolves with the chain in PEM, the host's own certificate first. @throws OrderFailure */
export type OrderCertificate = (request: OrderRequest, signal: AbortSignal) => Promise<string>;

export interface RenewalResult {
  readonly isDone: boolean;
  /** A sentence for the administrator. */
  readonly message: string;
}

export interface RenewalOptions {
  readonly config: Pick<Config, "acme" | "paths">;
  readonly log: { info(text: string): void; error(text: string): void };
  readonly order: OrderCertificate;
  /** Of one of `[[acme.certificates]]`; without them it is the host's own, that of `acme.names`. */
  readonly names?: readonly string[];
  /** A new certificate is in place. */
  readonly onIssued: () => void;
  readonly now?: () => number;
}

/**
 * Keeps `state/tls/acme.pem` a certificate for the names of `[acme]` that is not about to end; or one of
 * `[[acme.certificates]]` in a file of its own.
 *
 *   state  account.pem   last-try   acme.pem   after a crash here
 *   A1     whole         as before  old        the account's key is used by the next try: it is one account for ever
 *   A2     whole         a failure  old        the next try is after the back-off, though the process starts anew at once
 *   A3     whole         a failure  old        as A2: the certificate that came is lost, and ordered again
 *   A4     whole         a failure  new        the new certificate is served; the next start finds it and asks for nothing
 *   A5     whole         success    new        done; a next-key.pem that is still there is known to be the one in use
 *
 * Each file is put in place as durable-file.ts says. Old is also "none": then the self-made one is served.
 */
export class Renewal {
  readonly #options: RenewalOptions;
  readonly #now: () => number;
  readonly #names: readonly string[];
  /** What one of several is called by. */
  readonly #firstName: string | undefined;
  readonly #path: string;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<RenewalResult> | undefined;
  readonly #ending = new AbortController();
  #last: LastTry | undefined;
  #current: IssuedCertificate | undefined;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#names = options.names ?? options.config.acme.names;
    this.#firstName = options.names?.[0];
    this.#path = acmeCertificateFile(options.config, this.#firstName);
  }

  /** Looks at once, and from then on whenever something may be due. Resolves when it has looked once; never rejects. */
  async start(): Promise<void> {
    if (this.#options.config.acme.isOn) await this.#look();
  }

  /** The administrator wants one now, whatever is due. */
  async renewNow(asked: { readonly withNewKey: boolean }): Promise<RenewalResult> {
    if (!this.#options.config.acme.isOn) {
      return {
        isDone: false,
        message: "There is no agree_to_terms = true under [acme], so no certificates are ordered",
      };
    }
    return await (this.#running ?? this.#try(asked));
  }

  /** Makes the key that renewNow() with a new key changes to. The data of its TLSA record. */
  async prepareKey(): Promise<string> {
    await this.#running;
    const inUse = (await readIssued(this.#path))?.key;
    return tlsaOfKey(createPublicKey(await makeNextKey(this.#options.config, inUse)));
  }

  isFor(name: string): boolean {
    return this.#names.includes(name);
  }

  problems(): readonly string[] {
    const { problem } = this.#last ?? {};
    return this.#options.config.acme.isOn && problem !== undefined ? [this.#sentence(problem)] : [];
  }

  /** What runs is given up, and is not counted as a failure. */
  async close(): Promise<void> {
    this.#ending.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #look(): Promise<void> {
    const dueMs = await this.#dueAtMs();
    if (this.#ending.signal.aborted) return;
    if (dueMs <= this.#now() && this.#running === undefined) await this.#try({ withNewKey: false });
    else this.#lookAt(dueMs);
  }

  #lookAt(dueMs: number): void {
    clearTimeout(this.#timer);
    if (this.#ending.signal.aborted) return;
    const waitMs = Math.min(Math.max(dueMs - this.#now(), 1000), limits.lookMs);
    this.#timer = setTimeout(() => void this.#look(), waitMs).unref();
  }

  /** When the ACME server is to be asked next, by what is on disk. */
  async #dueAtMs(): Promise<number> {
    const { acme } = this.#options.config;
    this.#last = await readLastTry(acme.stateDirectory, this.#firstName);
    this.#current = await readIssued(this.#path);
    const dueMs = this.#isRight() && this.#current ? renewAtMs(this.#current) : 0;
    if (this.#last !== undefined && dueMs > this.#now()) {
      // A4, or a try that nobody needed: nothing is wrong.
      this.#last = { directoryUrl: acme.directoryUrl, atMs: this.#last.atMs, failures: 0 };
    }
    const { failures = 0, atMs = 0 } = this.#last ?? {};
    return Math.max(dueMs, failures === 0 ? 0 : atMs + backOffMs(failures));
  }

  /** There is one, from the server that is configured, for all names. */
  #isRight(): boolean {
    const { acme } = this.#options.config;
    return (
      this.#current !== undefined &&
      this.#last?.directoryUrl === acme.directoryUrl &&
      this.#names.every((name) => this.#current?.names.includes(name))
    );
  }

  #try(asked: { readonly withNewKey: boolean }): Promise<RenewalResult> {
    this.#running = this.#tryOnce(asked);
    return this.#running;
  }

  async #tryOnce(asked: { readonly withNewKey: boolean }): Promise<RenewalResult> {
    try {
      return await this.#order(asked);
    } finally {
      this.#running = undefined;
      this.#lookAt(await this.#dueAtMs());
    }
  }

  async #order({ withNewKey }: { readonly withNewKey: boolean }): Promise<RenewalResult> {
    const { acme } = this.#options.config;
    const { log, order, onIssued } = this.#options;
    const { directoryUrl, stateDirectory } = acme;
    const names = this.#names;
    const atMs = this.#now();
    await this.#dueAtMs();
    const failures = (this.#last?.failures ?? 0) + 1;
    try {
      const account = await accountKey(stateDirectory);
      crashPoint("A1");
      await this.#note({
        directoryUrl: this.#last?.directoryUrl ?? directoryUrl,
        atMs,
        failures,
        problem: "the process ended in the middle of the last try",
      });
      crashPoint("A2");
      // The key stays, so that a TLSA record about it stays true (RFC 7671 §5.1).
      const key = (withNewKey ? await this.#keyToChangeTo() : this.#current?.key) ?? newKey();
      const request = {
        directoryUrl,
        names,
        accountKey: account,
        certificateKey: key,
        ...(acme.contact !== undefined && { contact: acme.contact }),
        ...(acme.caFile !== undefined && { caFile: acme.caFile }),
      };
      const chain = await order(request, this.#ending.signal);
      const pem = key + chain;
      const issued = checked(pem, names, this.#now());
      crashPoint("A3");
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o750 });
      await writeDurably(this.#path, pem, { mode: 0o640 });
      crashPoint("A4");
      this.#last = { directoryUrl, atMs, failures: 0 };
      await this.#note(this.#last);
      crashPoint("A5");
      this.#current = issued;
      if (withNewKey && this.#firstName === undefined) await forgetNextKey(this.#options.config);
      onIssued();
      const message = `There is a new certificate for ${names.join(", ")}, until ${day(issued.untilMs)}; every server shows it within a minute`;
      log.info(message);
      return { isDone: true, message };
    } catch (error) {
      return await this.#failed(error, { atMs, failures });
    }
  }

  async #failed(
    error: unknown,
    tried: { readonly atMs: number; readonly failures: number },
  ): Promise<RenewalResult> {
    const { config, log } = this.#options;
    const problem = (error as Error).message;
    const directoryUrl = this.#last?.directoryUrl ?? config.acme.directoryUrl;
    this.#last = this.#ending.signal.aborted
      ? { directoryUrl, atMs: tried.atMs, failures: tried.failures - 1 }
      : { directoryUrl, ...tried, problem };
    const message = this.#sentence(problem);
    if (this.#ending.signal.aborted) log.info(message);
    else log.error(isForeseen(error) ? message : `${message} (${(error as Error).stack})`);
    try {
      await this.#note(this.#last);
    } catch (err) {
      log.error(`Cannot note when the ACME server was asked: ${(err as Error).message}`);
    }
    return { isDone: false, message };
  }

  /** What was made ahead; only the host's own certificate has such a key. */
  async #keyToChangeTo(): Promise<string | undefined> {
    if (this.#firstName !== undefined) return undefined;
    return await readNextKey(this.#options.config, this.#current?.key);
  }

  #note(last: LastTry): Promise<void> {
    return writeLastTry(this.#options.config.acme.stateDirectory, last, this.#firstName);
  }

  #sentence(problem: string): string {
    const { atMs = 0, failures = 0 } = this.#last ?? {};
    const served =
      this.#current === undefined
        ? this.#firstName === undefined
          ? "the self-made certificate"
          : "the host's own"
        : this.#current.untilMs > this.#now()
          ? `the certificate until ${day(this.#current.untilMs)}`
          : `the certificate that ended on ${day(this.#current.untilMs)}`;
    const next = new Date(atMs + backOffMs(failures)).toISOString().slice(0, 16).replace("T", " ");
    const what = this.#firstName === undefined ? "" : ` for ${this.#names.join(", ")}`;
    return `Cannot get a certificate${what}: ${problem}; ${served} goes on being served, and the next try is at ${next} UTC`;
  }
}

const isForeseen = (error: unknown): boolean =>
  isForOperator(error) || (error as NodeJS.ErrnoException).syscall !== undefined;

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** What came must be what was asked for: nothing else takes the place of a certificate that works. */
function checked(pem: string, names: readonly string[], nowMs: number): IssuedCertificate {
  const issued = readable(pem);
  const missing = names.filter((name) => !issued.names.includes(name));
  if (missing.length > 0) {
    throw new OrderFailure(`the ACME server sent a certificate without ${missing.join(", ")}`);
  }
  if (issued.untilMs <= nowMs) {
    throw new OrderFailure("the ACME server sent a certificate that has ended");
  }
  return issued;
}

function readable(pem: string): IssuedCertificate {
  try {
    return issuedOf(pem);
  } catch (cause) {
    const { message } = cause as Error;
    throw new OrderFailure(`the ACME server sent what cannot be used: ${message}`, { cause });
  }
}
