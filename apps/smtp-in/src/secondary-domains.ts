import { domainToASCII } from "node:url";
import type { Config } from "@posthouse/service";

type Rules = Config["smtpIn"]["secondaryFor"];

/**
 * Domains of other hosts that this one takes mail for while they are away: `secondary_for`. It waits in the queue,
 * and smtp-out sends it to the hosts that their MX records prefer to this one (RFC 5321 §5.1).
 */
export class SecondaryDomains {
  /** The addresses of each that are taken; undefined where all are. */
  readonly #recipientsOf: ReadonlyMap<string, ReadonlySet<string> | undefined>;

  constructor(rules: Rules) {
    this.#recipientsOf = new Map(
      rules.flatMap(({ domains, recipients }) => {
        const taken = recipients && new Set(recipients.map((address) => address.toLowerCase()));
        return domains.map((domain) => [domain, taken] as const);
      }),
    );
  }

  hasDomainOf(address: string): boolean {
    return this.#recipientsOf.has(domainOf(address));
  }

  takes(address: string): boolean {
    const domain = domainOf(address);
    if (!this.#recipientsOf.has(domain)) return false;
    const recipients = this.#recipientsOf.get(domain);
    return recipients === undefined || recipients.has(address.toLowerCase());
  }
}

function domainOf(address: string): string {
  const domain = address.slice(address.lastIndexOf("@") + 1).replace(/\.$/u, "");
  return domainToASCII(domain.toLowerCase());
}
