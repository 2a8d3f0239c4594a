import { AnswerCache, type Outcome } from "./answer-cache.ts";
import { ask, type ServerAnswer } from "./ask.ts";
import { DnsError } from "./dns-error.ts";
import { reverseNameOf, toAskedName } from "./domain-name.ts";
import { limits } from "./limits.ts";
import type { Question, QuestionType } from "./message.ts";
import { type NameServer, parseNameServer, systemNameServers } from "./name-server.ts";
import { readAnswer, tooLong } from "./read-answer.ts";
import { readA, readAaaa, readMx, readPtr, readTlsa, readTxt, zoneDataOf } from "./read-records.ts";
import type { AddressRecord, DnsAnswer, MxRecord, TlsaRecord } from "./records.ts";
import { Turnstile } from "./turnstile.ts";

export interface ResolverOptions {
  /** `127.0.0.1`, `127.0.0.1:5353`, `[::1]:5353`; absent or empty: those of /etc/resolv.conf. */
  readonly servers?: readonly string[];
  /** One try at one server. */
  readonly timeoutMs?: number;
  readonly cacheEntriesMax?: number;
  /**
   * Whose AD bit counts. Off loopback anyone on the way can set it (RFC 4035 §4.9.3), so by default only
   * there: DANE needs a validating resolver on this host.
   */
  readonly trustAd?: "loopback" | "always";
  /** Random upper and lower case in each question, as one more secret; some old servers answer in lower case. */
  readonly isCaseRandomized?: boolean;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** Every method throws DnsError where there is no record to give. */
export interface Resolver {
  /** As the server listed them: order by `preference`, and mix equals (RFC 5321 §5.1). */
  mx(name: string): Promise<DnsAnswer<MxRecord>>;
  /** A, AAAA or, without a family, both. */
  addresses(name: string, family?: 4 | 6): Promise<DnsAnswer<AddressRecord>>;
  /** One text a record, its strings joined. */
  txt(name: string): Promise<DnsAnswer<string>>;
  /** `_25._tcp.mx.example.org` */
  tlsa(name: string): Promise<DnsAnswer<TlsaRecord>>;
  /** The names of an address. */
  ptr(address: string): Promise<DnsAnswer<string>>;
  /** Ends what is under way with DnsError "timeout". */
  close(): void;
}

/** Types that nothing is done with but to show and compare them. */
export type ZoneDataType = "SRV" | "CAA" | "CNAME" | "SOA";

/** For who looks at the DNS as its administrator does. */
export interface ZoneReader extends Resolver {
  /** As a zone file writes it: `0 1 993 mail.example.org.`, names in lower case. */
  zoneData(name: string, type: ZoneDataType): Promise<DnsAnswer<string>>;
}

/** A caching stub resolver: it asks recursive servers and believes no one else. */
export function createResolver(options: ResolverOptions = {}): ZoneReader {
  return new StubResolver(options);
}

class StubResolver implements ZoneReader {
  readonly #servers: readonly NameServer[];
  readonly #cache: AnswerCache;
  readonly #underWay = new Map<string, Promise<Outcome>>();
  readonly #turnstile = new Turnstile(limits.questionsMax);
  readonly #closing = new AbortController();
  readonly #options: ResolverOptions;

  constructor(options: ResolverOptions) {
    const { servers = [], cacheEntriesMax = limits.cacheEntriesMax, now = Date.now } = options;
    this.#servers = servers.length > 0 ? servers.map(parseNameServer) : systemNameServers();
    this.#cache = new AnswerCache(cacheEntriesMax, now);
    this.#options = options;
  }

  mx(name: string): Promise<DnsAnswer<MxRecord>> {
    return this.#resolve("MX", name, readMx);
  }

  async addresses(name: string, family?: 4 | 6): Promise<DnsAnswer<AddressRecord>> {
    if (family === 4) return await this.#resolve("A", name, readA);
    if (family === 6) return await this.#resolve("AAAA", name, readAaaa);
    const both = await Promise.allSettled([
      this.#resolve("A", name, readA),
      this.#resolve("AAAA", name, readAaaa),
    ]);
    return joinFamilies(both);
  }

  txt(name: string): Promise<DnsAnswer<string>> {
    return this.#resolve("TXT", name, readTxt);
  }

  tlsa(name: string): Promise<DnsAnswer<TlsaRecord>> {
    return this.#resolve("TLSA", name, readTlsa);
  }

  async ptr(address: string): Promise<DnsAnswer<string>> {
    const name = reverseNameOf(address);
    if (name === undefined) throw new DnsError("not-found", `"${address}" is not an IP address`);
    return await this.#resolve("PTR", name, readPtr);
  }

  zoneData(name: string, type: ZoneDataType): Promise<DnsAnswer<string>> {
    return this.#resolve(type, name, (data) => zoneDataOf(type, data));
  }

  close(): void {
    this.#closing.abort();
  }

  async #resolve<T>(
    type: QuestionType,
    name: string,
    read: (data: unknown) => T | undefined,
  ): Promise<DnsAnswer<T>> {
    const asked = toAskedName(name);
    if (asked === undefined) throw new DnsError("not-found", `"${name}" cannot be a domain name`);
    const outcome = await this.#outcomeOf({ type, name: asked });
    if (outcome instanceof DnsError) throw outcome;
    const records = outcome.records.map(read).filter((record) => record !== undefined);
    if (records.length > 0) return { ...outcome, records };
    throw new DnsError("bad-response", `No ${type} record of ${asked} is well-formed`);
  }

  /** From the cache, from the same question under way, or from the servers. */
  async #outcomeOf(question: Question): Promise<Outcome> {
    const key = `${question.type} ${question.name}`;
    const known = this.#cache.get(key) ?? this.#underWay.get(key);
    if (known !== undefined) return await known;
    const asking = this.#turnstile.pass(() => this.#ask(question, key));
    this.#underWay.set(key, asking);
    try {
      return await asking;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #ask(question: Question, key: string): Promise<Outcome> {
    try {
      const { outcome, isCacheable } = await this.#follow(question);
      if (isCacheable) this.#cache.set(key, outcome);
      return outcome;
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      const { code, message, cause } = error;
      const failure = new DnsError(code, message, { cause, ttlSeconds: limits.failureTtlSeconds });
      if (!this.#closing.signal.aborted) this.#cache.set(key, failure);
      return failure;
    }
  }

  /** A forwarder may give a CNAME and stop there; then its target is asked for as a question of its own. */
  async #follow(question: Question): Promise<{ outcome: Outcome; isCacheable: boolean }> {
    let { name } = question;
    let ttlSeconds: number = limits.positiveTtlSecondsMax;
    let isAuthenticated = true;
    for (let names = 1; names < limits.chainNamesMax; names += 1) {
      const answer = await this.#askServers({ ...question, name });
      const reading = readAnswer({ ...question, name }, answer.message);
      isAuthenticated &&= this.#isAuthenticated(answer);
      ttlSeconds = Math.min(ttlSeconds, reading.ttlSeconds);
      if (reading.kind === "elsewhere") {
        name = reading.name;
        continue;
      }
      const isCacheable = answer.sizeBytes <= limits.cachedMessageBytesMax;
      if (reading.kind === "nothing") {
        const sentence = nothingSentence[reading.code](question);
        const canonicalName = reading.name;
        const facts = { isAuthenticated, ttlSeconds, canonicalName };
        const outcome = new DnsError(reading.code, sentence, facts);
        return { outcome, isCacheable };
      }
      const { data: records, name: canonicalName } = reading;
      return { outcome: { records, isAuthenticated, ttlSeconds, canonicalName }, isCacheable };
    }
    throw tooLong(question);
  }

  #askServers(question: Question): Promise<ServerAnswer> {
    return ask(question, {
      servers: this.#servers,
      timeoutMs: this.#options.timeoutMs ?? limits.timeoutMs,
      isCaseRandomized: this.#options.isCaseRandomized ?? false,
      signal: this.#closing.signal,
    });
  }

  #isAuthenticated({ message, server }: ServerAnswer): boolean {
    return message.flag_ad && (server.isLoopback || this.#options.trustAd === "always");
  }
}

const nothingSentence = {
  "not-found": ({ name }: Question) => `The domain name ${name} does not exist`,
  "no-data": ({ type, name }: Question) => `The domain name ${name} has no ${type} record`,
} as const;

/**
 * One family without records is no failure when the other has some. When neither has, the failure that
 * may pass counts: "no A record" and "no answer for AAAA" together do not say that there is no address.
 */
function joinFamilies(
  both: readonly PromiseSettledResult<DnsAnswer<AddressRecord>>[],
): DnsAnswer<AddressRecord> {
  const answers = both.filter((one) => one.status === "fulfilled").map(({ value }) => value);
  const errors = both.filter((one) => one.status === "rejected").map(({ reason }) => reason);
  const [first] = answers;
  if (first === undefined) {
    throw errors.find((error) => !(error instanceof DnsError) || error.isTransient) ?? errors[0];
  }
  return {
    records: answers.flatMap(({ records }) => records),
    isAuthenticated:
      answers.every(({ isAuthenticated }) => isAuthenticated) &&
      errors.every((error) => error instanceof DnsError && error.isAuthenticated),
    ttlSeconds: Math.min(...answers.map(({ ttlSeconds }) => ttlSeconds)),
    canonicalName: first.canonicalName,
  };
}
