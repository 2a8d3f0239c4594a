/**
 *   not-found       the name does not exist (NXDOMAIN), or cannot exist
 *   no-data         the name exists and has no record of this type
 *   server-failure  every server answered SERVFAIL, REFUSED or the like; also a failed DNSSEC validation
 *   timeout         no server answered
 *   bad-response    what answered was not a DNS answer to the question, or a CNAME loop
 *
 * The first two are answers and say so for good; the others may be different in a minute.
 */
export type DnsErrorCode = "not-found" | "no-data" | "server-failure" | "timeout" | "bad-response";

export interface DnsErrorOptions extends ErrorOptions {
  readonly isAuthenticated?: boolean;
  readonly ttlSeconds?: number;
  readonly canonicalName?: string | undefined;
}

/** A question without records as its answer. */
export class DnsError extends Error {
  override readonly name = "DnsError";
  readonly code: DnsErrorCode;
  /** The validating resolver vouches for it that there is nothing (AD bit, RFC 4035 §3.2.3). */
  readonly isAuthenticated: boolean;
  /** How long it holds (RFC 2308 §5). */
  readonly ttlSeconds: number;
  /** Of "not-found" and "no-data": the name at the end of the CNAME chain. Absent when there was no answer. */
  readonly canonicalName: string | undefined;

  constructor(code: DnsErrorCode, message: string, options: DnsErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.isAuthenticated = options.isAuthenticated ?? false;
    this.ttlSeconds = options.ttlSeconds ?? 0;
    this.canonicalName = options.canonicalName;
  }

  /** True when asking again later can give something else. */
  get isTransient(): boolean {
    return this.code !== "not-found" && this.code !== "no-data";
  }
}
