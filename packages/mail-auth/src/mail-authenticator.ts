import { availableParallelism } from "node:os";
import type { Resolver } from "@posthouse/dns";
import { CheckFailed, CheckThreads } from "./check-threads.ts";
import { checkIprev } from "./iprev.ts";
import { limits } from "./limits.ts";
import { MessageBudget } from "./message-budget.ts";
import { shown } from "./shown.ts";
import type { CheckedMessage, MessageOrigin } from "./thread-messages.ts";
import type { MailAuthResults } from "./verdicts.ts";

export interface MailAuthenticatorOptions {
  readonly resolver: Resolver;
  /** Our name, in reasons that mailauth gives and in macros of SPF. */
  readonly hostname: string;
  /** Domains whose ARC seal is believed. */
  readonly trustedSealers?: readonly string[];
  /** Told when a message cannot be checked for a reason that is ours. */
  readonly complain: (error: Error) => void;
  /** For the DNS, a message. */
  readonly dnsMs?: number;
  readonly threadsMax?: number;
}

/** Where a message came from. */
export type MailOrigin = Pick<MessageOrigin, "clientAddress" | "helo" | "reversePath">;

export interface MailAuthenticator extends AsyncDisposable {
  /**
   * Never throws but what `octets` throws: what cannot be found out is a temperror. The octets are the
   * message as it came, before any field is put in front.
   */
  authenticate(origin: MailOrigin, octets: AsyncIterable<Uint8Array>): Promise<MailAuthResults>;
}

/** Checks messages by SPF, DKIM, DMARC, ARC and iprev, in threads of its own. */
export function openMailAuthenticator(options: MailAuthenticatorOptions): MailAuthenticator {
  const threadsMax = options.threadsMax ?? Math.min(availableParallelism(), limits.threadsMax);
  const threads = new CheckThreads(threadsMax);
  const sealers = (options.trustedSealers ?? []).map((domain) => domain.toLowerCase());
  const check = async (
    origin: MessageOrigin,
    octets: AsyncIterable<Uint8Array>,
    budget: MessageBudget,
  ): Promise<CheckedMessage> => {
    try {
      return await threads.check(origin, octets, (question) => budget.lookUp(question));
    } catch (error) {
      if (!(error instanceof CheckFailed)) throw error;
      options.complain(error);
      return unchecked(origin);
    }
  };
  return {
    async authenticate(mail, octets) {
      using budget = new MessageBudget(options.resolver, options.dnsMs ?? limits.dnsMs);
      const { hostname } = options;
      const clientAddress = mail.clientAddress.replace(/%.*$/su, "");
      const origin = { ...mail, clientAddress, hostname, trustedSealers: sealers };
      const [iprev, checked] = await Promise.all([
        checkIprev(budget.resolver, clientAddress),
        check(origin, octets, budget),
      ]);
      return { iprev, ...checked };
    },
    [Symbol.asyncDispose]: () => threads[Symbol.asyncDispose](),
  };
}

/** Nothing is known, so nothing is held against it. */
function unchecked({ reversePath, helo }: MessageOrigin): CheckedMessage {
  const reason = "the checks do not work now";
  const identity = reversePath === "" ? "helo" : "mailfrom";
  const domain = shown(identity === "helo" ? helo : reversePath.replace(/^.*@/su, ""));
  return {
    spf: { result: "temperror", identity, domain, reason },
    dkim: [],
    dmarc: { result: "temperror", domain: "", reason },
    arc: { result: "none", sealers: [], reason: "nobody looked for seals" },
  };
}
