import type { ARCResult } from "mailauth";
import { shown } from "./shown.ts";
import type { ArcVerdict } from "./verdicts.ts";

export interface ArcFacts {
  readonly trustedSealers: readonly string[];
  /** The addresses in From. */
  readonly authors: readonly string[];
  /** Whether a key of this domain was asked for in vain. */
  readonly isUnanswered: (domain: string) => boolean;
}

/**
 * RFC 8617. mailauth calls everything that is no pass a failure, also when the DNS did not answer.
 *
 * A seal says only who touched the message, and anybody can seal (RFC 8617 §9.4). So it counts when its
 * sealer is one that the administrator trusts, and when that sealer saw DMARC pass for the very author
 * that stands in From now. Those who sealed after it have to be trusted too: they could have made it up.
 */
export function arcVerdict(arc: ARCResult, facts: ArcFacts): ArcVerdict {
  const sets = (arc.chain || [])
    .toReversed()
    .map((entry, at) => sealedSet(entry, at === 0 ? arc : undefined));
  const sealers = sets.map(({ sealer }) => sealer);
  const { result } = arc.status;
  if (result === "none" || sets.length === 0) {
    if (result === "fail") return { result, sealers, reason: failureOf(arc) };
    return { result: "none", sealers, reason: "nobody sealed it" };
  }
  if (result !== "pass") {
    const silent = sealers.find((sealer) => facts.isUnanswered(sealer));
    if (silent === undefined) return { result: "fail", sealers, reason: failureOf(arc) };
    const reason = `the key of ${silent}, which sealed it, cannot be looked up now`;
    return { result: "temperror", sealers, reason };
  }
  const vouchedBy = voucherIn(sets, facts);
  const last = sealers[0] ?? "";
  if (vouchedBy === undefined) {
    return { result, sealers, reason: `${last} sealed it, whose word is not taken for its author` };
  }
  return {
    result,
    sealers,
    vouchedBy,
    reason: `${vouchedBy}, which is trusted, saw DMARC pass for its author`,
  };
}

interface SealedSet {
  readonly sealer: string;
  /** The author domain for which DMARC passed when it was sealed. */
  readonly passedFor: string | undefined;
}

function sealedSet(entry: object, newest: ARCResult | undefined): SealedSet {
  const fields = entry as Readonly<Record<string, { readonly parsed?: unknown } | undefined>>;
  const seal = fields["arc-seal"]?.parsed;
  const sealer = shown(textAt(seal, "d", "value").toLowerCase());
  // mailauth takes the results of the newest set out of the chain, and renames "value" to "result" in them.
  const seen = newest?.authenticationResults ?? fields["arc-authentication-results"]?.parsed;
  const result = textAt(seen, "dmarc", "result") || textAt(seen, "dmarc", "value");
  const from = textAt(seen, "dmarc", "header", "from").toLowerCase();
  return { sealer, passedFor: result.toLowerCase() === "pass" ? from : undefined };
}

function voucherIn(sets: readonly SealedSet[], facts: ArcFacts): string | undefined {
  const domains = new Set(
    facts.authors.map((author) => author.slice(author.lastIndexOf("@") + 1).toLowerCase()),
  );
  for (const { sealer, passedFor } of sets) {
    if (!facts.trustedSealers.includes(sealer)) return undefined;
    if (passedFor !== undefined && domains.size === 1 && domains.has(passedFor)) return sealer;
  }
  return undefined;
}

const failureOf = ({ status }: ARCResult): string =>
  `its ARC seals do not hold${status.comment === undefined ? "" : `: ${shown(status.comment)}`}`;

/** What another program parsed out of what another host wrote: anything may be anything. */
function textAt(value: unknown, ...keys: readonly string[]): string {
  let at = value;
  for (const key of keys) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return "";
    at = (at as Readonly<Record<string, unknown>>)[key];
  }
  return typeof at === "string" ? at : "";
}
