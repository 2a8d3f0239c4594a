import { DnsError, type Resolver } from "@posthouse/dns";
import { limits } from "./limits.ts";
import { type LookedUp, type LookUp, lookUp } from "./look-up.ts";

/**
 * The questions that one message may ask: so many, and for so long. Then each is unanswered at once,
 * those under way too, so that a dead name server holds nobody longer than that.
 */
export class MessageBudget implements Disposable {
  readonly #resolver: Resolver;
  readonly #over = Promise.withResolvers<"over">();
  readonly #timer: NodeJS.Timeout;
  #left = limits.questionsMax;

  constructor(resolver: Resolver, dnsMs: number) {
    this.#resolver = resolver;
    this.#timer = setTimeout(() => this.#over.resolve("over"), dnsMs);
  }

  async lookUp(question: LookUp): Promise<LookedUp> {
    if (--this.#left < 0) return unanswered;
    const answer = await Promise.race([this.#over.promise, lookUp(this.#resolver, question)]);
    return answer === "over" ? unanswered : answer;
  }

  /** The same for those who want records of the resolver itself. */
  readonly resolver: Pick<Resolver, "ptr" | "addresses"> = {
    ptr: (address) => this.#within(this.#resolver.ptr(address)),
    addresses: (name, family) => this.#within(this.#resolver.addresses(name, family)),
  };

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#over.resolve("over");
  }

  async #within<T>(answer: Promise<T>): Promise<T> {
    const first = await Promise.race([this.#over.promise, answer]);
    if (first === "over") throw new DnsError("timeout", "The time for this message is over");
    return first;
  }
}

const unanswered: LookedUp = { errorCode: "ETIMEOUT" };
