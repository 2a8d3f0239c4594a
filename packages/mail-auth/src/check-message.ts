import { Readable } from "node:stream";
import { arc, dkimVerify, spf } from "mailauth";
import { arcVerdict } from "./arc-verdict.ts";
import { dkimVerdict } from "./dkim-verdict.ts";
import { dmarcVerdict, unknownAuthor } from "./dmarc-verdict.ts";
import { HeaderTooLarge, withBoundedHeader } from "./header-bounds.ts";
import { limits } from "./limits.ts";
import type { LookedUp } from "./look-up.ts";
import { spfVerdict } from "./spf-verdict.ts";
import type { CheckedMessage, MessageOrigin } from "./thread-messages.ts";

/** What mailauth calls a resolver. */
export type MailauthResolver = (name: string, type: string) => Promise<string[][]>;

/**
 * Lets mailauth check one message, in its strict mode: by the RFCs' letter. SPF needs no octets and runs
 * while they come.
 */
export async function checkMessage(
  origin: MessageOrigin,
  octets: AsyncIterable<Uint8Array>,
  ask: (name: string, type: string) => Promise<LookedUp>,
): Promise<CheckedMessage> {
  const dns = new MessageDns(ask);
  const { resolver } = dns;
  const options = { resolver, strict: true, minBitLength: limits.rsaKeyBitsMin };
  const spfChecked = spf({
    resolver,
    strict: true,
    sender: origin.reversePath,
    ip: origin.clientAddress,
    helo: origin.helo,
    mta: origin.hostname,
  }).then((result) => spfVerdict(result, origin));
  try {
    const signed = await dkimVerify(Readable.from(withBoundedHeader(octets)), {
      ...options,
      sender: origin.reversePath,
    });
    const dkim = signed.results.filter((one) => one.status.result !== "none").map(dkimVerdict);
    const spfResult = await spfChecked;
    // Its types forbid the "false" that its own verifier gives when there is no chain.
    const chain = await arc((signed.arc ?? { chain: false }) as Parameters<typeof arc>[0], options);
    const arcResult = arcVerdict(chain, {
      trustedSealers: origin.trustedSealers,
      authors: signed.headerFrom,
      isUnanswered: (domain) => dns.isKeyUnanswered(domain),
    });
    const dmarc = await dmarcVerdict({
      authors: signed.headerFrom,
      fromFields: signed.fromFields,
      spf: spfResult,
      dkim,
      resolver,
    });
    return { spf: spfResult, dkim, dmarc, arc: arcResult };
  } catch (error) {
    if (!(error instanceof HeaderTooLarge)) {
      await Promise.allSettled([spfChecked]);
      throw error;
    }
    return {
      spf: await spfChecked,
      dkim: [],
      dmarc: unknownAuthor("header-too-large"),
      arc: { result: "none", sealers: [], reason: "the header is too large to look for seals" },
    };
  }
}

/** The questions for one message, and which of them had no answer. */
class MessageDns {
  readonly #ask: (name: string, type: string) => Promise<LookedUp>;
  readonly #unanswered = new Set<string>();

  constructor(ask: (name: string, type: string) => Promise<LookedUp>) {
    this.#ask = ask;
  }

  readonly resolver: MailauthResolver = async (name, type) => {
    const answer = await this.#ask(name, type);
    // Its type says lists of strings for all; what it reads of MX is an object, as in node:dns.
    if ("records" in answer) return [...answer.records] as string[][];
    if (answer.errorCode !== "ENOTFOUND" && answer.errorCode !== "ENODATA") {
      this.#unanswered.add(name.toLowerCase());
    }
    throw Object.assign(new Error(`${answer.errorCode} ${type} ${name}`), {
      code: answer.errorCode,
    });
  };

  isKeyUnanswered(domain: string): boolean {
    const end = `._domainkey.${domain}`;
    return this.#unanswered.values().some((name) => name.endsWith(end));
  }
}
