import { AddressRanges, type Config } from "@posthouse/service";
import type { SmtpPeer } from "@posthouse/smtp";
import { limits } from "./limits.ts";
import { RateLimit } from "./rate-limit.ts";

type Rule = Config["smtpIn"]["listeners"][number]["relayNetworks"][number];

/** What one network may send without logging in. */
export interface RelayRule {
  maySendAs(address: string): boolean;
  /** Counts one more message; false when the hour is full. */
  mayCount(address: string): boolean;
}

/** Printers and scripts that cannot log in: `relay_networks` of a listener. */
export class RelayNetworks {
  readonly #rules: readonly { readonly ranges: AddressRanges; readonly rule: RelayRule }[];

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.map((one) => ({
      ranges: new AddressRanges(one.networks),
      rule: ruleOf(one),
    }));
  }

  /** The first rule that this client comes under; none once it has logged in, which says more. */
  ruleFor({ address, authenticatedAs }: SmtpPeer): RelayRule | undefined {
    if (authenticatedAs !== undefined) return undefined;
    return this.#rules.find(({ ranges }) => ranges.includes(address))?.rule;
  }
}

function ruleOf({ senders, messagesPerHour }: Rule): RelayRule {
  const names = new Set(senders.map((sender) => sender.toLowerCase()));
  const rate = new RateLimit({ countMax: messagesPerHour, windowMs: limits.hourMs });
  return {
    maySendAs(address) {
      const lower = address.toLowerCase();
      return names.has(lower) || names.has(lower.slice(lower.lastIndexOf("@")));
    },
    mayCount: (address) => rate.take(address) === 0,
  };
}
