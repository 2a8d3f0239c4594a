import { dmarc } from "mailauth";
import type { MailauthResolver } from "./check-message.ts";
import { shown } from "./shown.ts";
import type {
  AuthorFault,
  DkimVerdict,
  DmarcPolicy,
  DmarcVerdict,
  SpfVerdict,
} from "./verdicts.ts";

export interface DmarcFacts {
  /** The addresses in the From fields. */
  readonly authors: readonly string[];
  readonly fromFields: number;
  readonly spf: SpfVerdict;
  readonly dkim: readonly DkimVerdict[];
  readonly resolver: MailauthResolver;
}

/**
 * RFC 9989. What mailauth calls a failure is none while a signature or an SPF record that would align
 * could not be looked up: then it is asked a second time, as if they had passed. When that passes, those
 * lookups alone decide, and the verdict is a temperror with the policy that waits behind it.
 */
export async function dmarcVerdict(facts: DmarcFacts): Promise<DmarcVerdict> {
  const { spf, dkim } = facts;
  const known = await evaluate(facts, [spf, ...dkim].filter(hasPassed));
  if (known === undefined) return unknownAuthor(faultOf(facts));
  if (known.result !== "fail") return known;
  const hopeful = [spf, ...dkim].filter((one) => hasPassed(one) || one.result === "temperror");
  const hoped = await evaluate(facts, hopeful);
  if (hoped?.result === "fail" || hoped === undefined) return known;
  const { domain, policy } = known;
  return {
    result: "temperror",
    domain,
    ...(policy !== undefined && { policy }),
    reason: `what could make it pass for ${domain} cannot be looked up now`,
  };
}

/** The verdict on a message whose author is not one domain. */
export const unknownAuthor = (fault: AuthorFault): DmarcVerdict => ({
  result: "permerror",
  domain: "",
  fault,
  reason: faults[fault],
});

const faults: Readonly<Record<AuthorFault, string>> = {
  "several-from-fields": "it has more than one From field, so that readers may see another author",
  "several-author-domains": "its From field names authors of several domains",
  "no-author": "it has no From field with an address in a domain",
  "header-too-large": "its header is too large",
};

function faultOf({ authors, fromFields }: DmarcFacts): AuthorFault {
  if (fromFields > 1) return "several-from-fields";
  return authors.length > 1 ? "several-author-domains" : "no-author";
}

type Passed = SpfVerdict | DkimVerdict;

const hasPassed = ({ result }: Passed): boolean => result === "pass";

async function evaluate(
  { authors, fromFields, resolver }: DmarcFacts,
  passed: readonly Passed[],
): Promise<DmarcVerdict | undefined> {
  const found = await dmarc({
    headerFrom: [...authors],
    // Its types do not have it; its code does.
    ...({ fromFields } as object),
    spfDomains: passed.filter((one) => "identity" in one).map(({ domain }) => domain),
    dkimDomains: passed
      .filter((one) => "selector" in one)
      .map(({ domain, signature }) => ({ domain, id: signature })),
    resolver,
    strict: true,
  });
  if (found === false) return undefined;
  const domain = shown(found.status.header?.from ?? "");
  const { result } = found.status;
  if (result === "none") {
    return { result, domain, reason: `${domain} has no DMARC record` };
  }
  if (result !== "pass" && result !== "fail") {
    return {
      result: "temperror",
      domain,
      reason: `the DMARC record of ${domain} cannot be looked up now`,
    };
  }
  const policy = policyOf(found.policy, found.rr ?? "");
  const { spf, dkim } = found.alignment;
  const aligned = dkim.result ?? spf.result ?? "";
  const by = dkim.result === undefined ? ("SPF" as const) : ("DKIM" as const);
  return {
    result,
    domain,
    policy,
    ...(result === "pass" && { alignedBy: by }),
    reason:
      result === "pass"
        ? `${by} for ${shown(aligned)} vouches for ${domain} in its From`
        : `neither SPF nor DKIM passes for ${domain} in its From, and ${domain} asks ${wishes[policy]}`,
  };
}

const wishes: Readonly<Record<DmarcPolicy, string>> = {
  none: "to do nothing about it",
  quarantine: "to treat such mail with suspicion",
  reject: "to refuse such mail",
};

/**
 * RFC 9989 took pct out of DMARC, and with t=y there is one way left to say "I am testing". Records that
 * are older say pct=0 for it, and are taken at their word; any other pct is nothing (its appendix A.6).
 */
function policyOf(policy: string, record: string): DmarcPolicy {
  const asked = policy === "reject" || policy === "quarantine" ? policy : "none";
  const tags = new Map(
    record.split(";").map((tag) => {
      const [name = "", value = ""] = tag.split("=", 2);
      return [name.trim().toLowerCase(), value.trim().toLowerCase()] as const;
    }),
  );
  const isOldTest = !tags.has("t") && /^0+$/.test(tags.get("pct") ?? "");
  return isOldTest ? oneLower[asked] : asked;
}

const oneLower: Readonly<Record<DmarcPolicy, DmarcPolicy>> = {
  reject: "quarantine",
  quarantine: "none",
  none: "none",
};
