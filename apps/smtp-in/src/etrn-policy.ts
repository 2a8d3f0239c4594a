import { QueueUnavailable } from "@posthouse/queue/writer";
import { AddressRanges, type Config, type Logger } from "@posthouse/service";
import type { Reply, SmtpPeer } from "@posthouse/smtp";
import { limits } from "./limits.ts";
import { RateLimit } from "./rate-limit.ts";

export interface EtrnPolicyOptions {
  readonly rules: Config["smtpIn"]["etrnFrom"];
  /** Sends what waits for a domain, and gives how many deliveries those are. */
  readonly flush: (domain: string) => Promise<number>;
  readonly log: Pick<Logger, "info" | "warn">;
}

/** Hosts that are not always there, and have the mail for their domains sent when they are: `etrn_from`. */
export class EtrnPolicy {
  readonly #options: EtrnPolicyOptions;
  readonly #rules: readonly {
    readonly domains: ReadonlySet<string>;
    readonly ranges: AddressRanges;
    readonly accounts: ReadonlySet<string>;
  }[];
  readonly #rate = new RateLimit({ countMax: limits.etrnPerHour, windowMs: limits.hourMs });

  constructor(options: EtrnPolicyOptions) {
    this.#options = options;
    this.#rules = options.rules.map(({ domains, networks, accounts }) => ({
      domains: new Set(domains),
      ranges: new AddressRanges(networks),
      accounts: new Set(accounts.map((account) => account.toLowerCase())),
    }));
  }

  /** The reply to ETRN (RFC 1985 §5.1). */
  async sendWaiting(domain: string, peer: SmtpPeer): Promise<Reply> {
    const { log, flush } = this.#options;
    const facts = { client: peer.address, domain };
    if (!this.#may(domain, peer)) {
      log.info(facts, "Refused ETRN");
      return reply(459, `Node ${domain} not allowed: it is not yours`);
    }
    if (this.#rate.take(domain) > 0) {
      return reply(459, `Node ${domain} not allowed: too often, try again later`);
    }
    try {
      const count = await flush(domain);
      log.info({ ...facts, count }, "ETRN");
      if (count === 0) return reply(251, `OK, no messages waiting for node ${domain}`);
      return reply(253, `OK, ${count} pending messages for node ${domain} started`);
    } catch (error) {
      if (!(error instanceof QueueUnavailable)) throw error;
      log.warn({ ...facts, err: error }, "Cannot send what waits for a domain");
      return reply(458, `Unable to queue messages for node ${domain}`);
    }
  }

  #may(domain: string, { address, authenticatedAs }: SmtpPeer): boolean {
    return this.#rules.some(
      ({ domains, ranges, accounts }) =>
        domains.has(domain) &&
        (ranges.includes(address) ||
          (authenticatedAs !== undefined && accounts.has(authenticatedAs.toLowerCase()))),
    );
  }
}

const enhancedOf = { 251: "2.0.0", 253: "2.0.0", 458: "4.3.0", 459: "4.7.1" } as const;

const reply = (code: keyof typeof enhancedOf, text: string): Reply => ({
  code,
  enhanced: enhancedOf[code],
  text,
});
