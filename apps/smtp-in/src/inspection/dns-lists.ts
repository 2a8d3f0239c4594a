import { DnsError, type Resolver, reverseNameOf } from "@posthouse/dns";
import type { Logger } from "@posthouse/service";
import { limits } from "../limits.ts";

/** A list of clients in the DNS (RFC 5782), one to refuse by or, with a score below zero, one to trust. */
export interface DnsList {
  readonly zone: string;
  /** What counts as listed: "127.0.0.2", or "127.0.0.4-7". Nothing else does. */
  readonly codes: readonly string[];
  readonly score: number;
}

export interface Listing {
  readonly zone: string;
  readonly score: number;
}

/**
 * Asks DNS lists about clients. A list counts from the moment that its test entries were seen through our own
 * resolver (RFC 5782 §5: 127.0.0.2 is listed, 127.0.0.1 is not). One that lists everybody, has closed, or
 * answers our resolver with an error instead, would otherwise refuse all mail or none, and nobody would know.
 */
export class DnsLists {
  readonly #lists: readonly ProvenList[];

  constructor(
    lists: readonly DnsList[],
    tools: {
      readonly resolver: Pick<Resolver, "addresses">;
      readonly log: Logger;
      readonly now?: () => number;
    },
  ) {
    this.#lists = lists.map((list) => new ProvenList(list, { now: Date.now, ...tools }));
  }

  /** The lists that have this client. One that does not answer has it not. */
  async find(address: string): Promise<readonly Listing[]> {
    const found = await Promise.all(this.#lists.map((list) => list.find(address)));
    return found.filter((listing) => listing !== undefined);
  }
}

interface Tools {
  readonly resolver: Pick<Resolver, "addresses">;
  readonly log: Logger;
  readonly now: () => number;
}

class ProvenList {
  readonly #list: DnsList;
  readonly #tools: Tools;
  #isOn = false;
  #isToldOff = false;
  #testAgainMs = 0;
  #testing: Promise<void> | undefined;

  constructor(list: DnsList, tools: Tools) {
    this.#list = list;
    this.#tools = tools;
  }

  async find(address: string): Promise<Listing | undefined> {
    await this.#prove();
    if (!this.#isOn) return undefined;
    const codes = await this.#codesOf(address);
    if (codes === undefined) return undefined;
    // RFC 5782 has no word for it; the lists agreed on these addresses for "you may not ask".
    const error = codes.find((code) => code.startsWith("127.255.255."));
    if (error !== undefined) {
      this.#turnOff(`it answers ${error}: it does not serve this resolver`);
      return undefined;
    }
    const { zone, score } = this.#list;
    return codes.some((code) => isAmong(code, this.#list.codes)) ? { zone, score } : undefined;
  }

  /** One test at a time; a message that comes first waits for it. */
  async #prove(): Promise<void> {
    if (this.#tools.now() < this.#testAgainMs) return;
    this.#testing ??= this.#test().finally(() => {
      this.#testing = undefined;
    });
    await this.#testing;
  }

  async #test(): Promise<void> {
    const [listed, unlisted] = await Promise.all([
      this.#codesOf("127.0.0.2"),
      this.#codesOf("127.0.0.1"),
    ]);
    if (listed === undefined || unlisted === undefined) return this.#turnOff("it does not answer");
    const error = listed.find((code) => code.startsWith("127.255.255."));
    if (error !== undefined) {
      return this.#turnOff(`it answers ${error}: it does not serve this resolver`);
    }
    if (listed.length === 0) return this.#turnOff("its test entry 127.0.0.2 is not there");
    if (unlisted.length > 0) return this.#turnOff("it lists 127.0.0.1, so it lists everybody");
    if (!this.#isOn) this.#tools.log.info({ zone: this.#list.zone }, "A DNS list is on");
    this.#isOn = true;
    this.#isToldOff = false;
    this.#testAgainMs = this.#tools.now() + limits.dnsListTestMs;
  }

  #turnOff(why: string): void {
    this.#isOn = false;
    this.#testAgainMs = this.#tools.now() + limits.dnsListRetestMs;
    if (this.#isToldOff) return;
    this.#isToldOff = true;
    this.#tools.log.error({ zone: this.#list.zone }, `A DNS list is off: ${why}`);
  }

  /** None when it is not listed; undefined when there is no answer. */
  async #codesOf(address: string): Promise<readonly string[] | undefined> {
    const reverse = reverseNameOf(address)?.replace(/\.(?:in-addr|ip6)\.arpa$/, "");
    if (reverse === undefined) return [];
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), limits.dnsListMs);
    try {
      const asked = this.#tools.resolver.addresses(`${reverse}.${this.#list.zone}`, 4);
      const answer = await Promise.race([asked, late.promise]);
      return answer?.records.map((record) => record.address);
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      return error.isTransient ? undefined : [];
    } finally {
      clearTimeout(timer);
    }
  }
}

function isAmong(code: string, wanted: readonly string[]): boolean {
  return wanted.some((range) => {
    const [first = "", last] = range.split("-", 2);
    if (last === undefined) return code === first;
    const at = first.lastIndexOf(".") + 1;
    const number = Number(code.slice(at));
    return (
      code.slice(0, at) === first.slice(0, at) &&
      number >= Number(first.slice(at)) &&
      number <= Number(last)
    );
  });
}
