import { mkdir, open, readdir, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { MtaStsPolicy } from "@posthouse/mail-auth/mta-sts";
import type { SmtpClientSession } from "@posthouse/smtp";
import { SmtpConnectionError } from "@posthouse/smtp";
import { limits } from "../limits.ts";
import type { Hop } from "../route.ts";
import type { HopSecurity } from "./hop-security.ts";

/** One session, or why there was none. */
export interface TlsSession {
  readonly domain: string;
  readonly sts: MtaStsPolicy | undefined;
  readonly hop: Hop;
  readonly security: HopSecurity;
  readonly outcome: SmtpClientSession | SmtpConnectionError;
}

/** RFC 8460 §4.2 to §4.4: what is told of one policy of a domain. */
export interface PolicyCount {
  readonly type: "tlsa" | "sts" | "no-policy-found";
  readonly strings: readonly string[];
  readonly mx: readonly string[];
  successes: number;
  failures: number;
  readonly details: Record<string, FailureDetail>;
}

export interface FailureDetail {
  readonly "result-type": string;
  readonly "sending-mta-ip"?: string;
  readonly "receiving-mx-hostname": string;
  readonly "receiving-ip": string;
  readonly "failure-reason-code"?: string;
  "failed-session-count": number;
}

/** By domain, then by kind of policy. */
export type DayCounts = Record<string, Record<string, PolicyCount>>;

/**
 * Counts what became of TLS with each domain, a day (UTC) at a time, for the reports of RFC 8460. It is
 * written to `<day>.json` now and then: a crash loses the counts of a minute.
 */
export class TlsReports {
  readonly #directory: string;
  readonly #now: () => number;
  #day = "";
  #counts: DayCounts = {};
  #isChanged = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(directory: string, now: () => number) {
    this.#directory = directory;
    this.#now = now;
  }

  /** Takes up what was counted today before a restart. */
  async open(): Promise<void> {
    this.#day = dayOf(this.#now());
    this.#counts = (await this.read(this.#day)) ?? {};
  }

  count({ domain, sts, hop, security, outcome }: TlsSession): void {
    // A host that was not there, or spoke no SMTP, says nothing about TLS.
    const phase = outcome instanceof SmtpConnectionError ? outcome.phase : "tls";
    if (phase !== "starttls" && phase !== "tls") return;
    this.#turnDay();
    const count = this.#policyCount(domain, sts, security);
    if (count === undefined) return;
    this.#isChanged = true;
    const failure = failureOf(outcome, count.type === "sts");
    if (failure === undefined) {
      count.successes += 1;
      return;
    }
    count.failures += 1;
    const key = `${failure.type} ${hop.host} ${hop.address}`;
    const isFull = Object.keys(count.details).length >= limits.reportedFailuresMax;
    if (count.details[key] === undefined && isFull) return;
    count.details[key] ??= {
      "result-type": failure.type,
      ...(failure.sender !== undefined && { "sending-mta-ip": failure.sender }),
      "receiving-mx-hostname": hop.host,
      "receiving-ip": hop.address,
      ...(failure.reason !== undefined && { "failure-reason-code": failure.reason }),
      "failed-session-count": 0,
    };
    count.details[key]["failed-session-count"] += 1;
  }

  /** Days that are over and not reported yet, the oldest first. */
  async daysOver(): Promise<string[]> {
    this.#turnDay();
    await this.#writing;
    const names = await namesIn(this.#directory);
    return names
      .flatMap((name) => /^(\d{4}-\d\d-\d\d)\.json$/u.exec(name)?.[1] ?? [])
      .filter((day) => day < this.#day)
      .sort();
  }

  async read(day: string): Promise<DayCounts | undefined> {
    try {
      return JSON.parse(await readFile(this.#pathOf(day), "utf8")) as DayCounts;
    } catch (error) {
      // Cut short by a crash, or not there: counts, and no more than that.
      if (error instanceof SyntaxError) return undefined;
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async forget(day: string): Promise<void> {
    await unlink(this.#pathOf(day)).catch(() => undefined);
  }

  /** On disk when it resolves. */
  flush(): Promise<void> {
    if (this.#isChanged) {
      this.#isChanged = false;
      const day = this.#day;
      const text = JSON.stringify(this.#counts);
      this.#writing = this.#writing.then(() => this.#write(day, text));
    }
    return this.#writing;
  }

  #turnDay(): void {
    const day = dayOf(this.#now());
    if (day === this.#day) return;
    void this.flush();
    this.#day = day;
    this.#counts = {};
  }

  #policyCount(
    domain: string,
    sts: MtaStsPolicy | undefined,
    security: HopSecurity,
  ): PolicyCount | undefined {
    const type = security.kind === "dane" ? "tlsa" : sts === undefined ? "no-policy-found" : "sts";
    const known = this.#counts[domain]?.[type];
    if (known !== undefined) return known;
    const isFull = Object.keys(this.#counts).length >= limits.reportedDomainsMax;
    if (this.#counts[domain] === undefined && isFull) return undefined;
    this.#counts[domain] ??= {};
    const count: PolicyCount = {
      type,
      strings: stringsOf(type, sts, security),
      mx: type === "sts" ? (sts?.mx ?? []) : [],
      successes: 0,
      failures: 0,
      details: {},
    };
    this.#counts[domain][type] = count;
    return count;
  }

  async #write(day: string, text: string): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const temporary = join(this.#directory, `.tmp-${day}`);
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#pathOf(day));
  }

  #pathOf(day: string): string {
    return join(this.#directory, `${day}.json`);
  }
}

function stringsOf(
  type: PolicyCount["type"],
  sts: MtaStsPolicy | undefined,
  security: HopSecurity,
): string[] {
  if (type === "tlsa" && security.kind === "dane") {
    return security.records.map(({ usage, selector, matchingType, certificate }) =>
      [usage, selector, matchingType, certificate.toString("hex")].join(" "),
    );
  }
  if (type !== "sts" || sts === undefined) return [];
  const { mode, mx, maxAgeSeconds } = sts;
  const hosts = mx.map((host) => `mx: ${host}`);
  return ["version: STSv1", `mode: ${mode}`, ...hosts, `max_age: ${maxAgeSeconds}`];
}

interface Failure {
  readonly type: string;
  readonly reason?: string;
  readonly sender?: string;
}

/** RFC 8460 §4.3. Undefined for a success. */
function failureOf(
  outcome: SmtpClientSession | SmtpConnectionError,
  isStsTested: boolean,
): Failure | undefined {
  if (!(outcome instanceof SmtpConnectionError)) {
    const { tls, localAddress: sender } = outcome;
    if (tls === undefined) return { type: "starttls-not-supported", sender };
    // A policy that is only tested: what would not have been good enough.
    if (isStsTested && !tls.isAuthorized) return { type: "certificate-not-trusted", sender };
    return undefined;
  }
  if (outcome.phase === "starttls") return { type: "starttls-not-supported" };
  const { code } = (outcome.cause ?? {}) as { code?: unknown };
  return { type: typeOf.get(code) ?? "validation-failure", reason: outcome.message };
}

const typeOf: ReadonlyMap<unknown, string> = new Map([
  ["ERR_TLS_CERT_ALTNAME_INVALID", "certificate-host-mismatch"],
  ["CERT_HAS_EXPIRED", "certificate-expired"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "certificate-not-trusted"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "certificate-not-trusted"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "certificate-not-trusted"],
  ["UNABLE_TO_GET_ISSUER_CERT", "certificate-not-trusted"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "certificate-not-trusted"],
]);

export const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
