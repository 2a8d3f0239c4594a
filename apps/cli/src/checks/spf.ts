import type { PlannedRecord } from "@posthouse/client-settings";
import type { Resolver } from "@posthouse/dns";
import { openMailAuthenticator, type SpfVerdict } from "@posthouse/mail-auth";
import type { Finding } from "./finding.ts";
import { countSpfTerms, SPF_TERMS_MAX } from "./spf-terms.ts";

export interface SpfFacts {
  readonly hostname: string;
  /** What mail goes out from. */
  readonly senders: readonly string[];
  /** The record as it should be. */
  readonly planned: Pick<PlannedRecord, "name" | "data">;
}

/**
 * Whether a host that gets mail of this domain from us finds that SPF lets us, as such a host finds out: includes and
 * redirects followed, with its limits (RFC 7208 §4.6.4).
 */
export async function spfFinding(
  domain: string,
  { hostname, senders, planned }: SpfFacts,
  resolver: Resolver,
): Promise<Finding> {
  const id = `spf ${domain}`;
  const publish = `In the DNS of ${domain}, publish ${planned.name}. TXT ${planned.data}`;
  await using authenticator = openMailAuthenticator({ resolver, hostname, complain: () => {} });
  const verdicts: { readonly address: string; readonly spf: SpfVerdict }[] = [];
  for (const address of senders) {
    const origin = { clientAddress: address, helo: hostname, reversePath: `postmaster@${domain}` };
    const { spf } = await authenticator.authenticate(origin, noMessage());
    verdicts.push({ address, spf });
  }
  const terms = await countSpfTerms(domain, resolver);
  const wrong = verdicts.filter(({ spf }) => spf.result !== "pass");
  const [first] = wrong;
  if (first === undefined) return { id, ...passing(domain, terms) };
  const { result, reason } = first.spf;
  if (wrong.every(({ spf }) => spf.result === "temperror")) {
    return {
      id,
      state: "unproven",
      says: `Whether SPF lets this host send is not known: ${reason}`,
    };
  }
  if (result === "none") {
    return {
      id,
      state: "bad",
      says: `${reason}, so large providers may refuse its mail`,
      fix: publish,
    };
  }
  if (result === "permerror") {
    const many =
      terms > SPF_TERMS_MAX
        ? ` (it needs ${terms} look-ups, and ${SPF_TERMS_MAX} are allowed)`
        : "";
    return { id, state: "bad", says: `${reason}${many}`, fix: publish };
  }
  const addresses = wrong.map(({ address }) => address);
  const own = addresses.map((address) => `${address.includes(":") ? "ip6" : "ip4"}:${address}`);
  return {
    id,
    state: "bad",
    says: `SPF of ${domain} does not cover ${addresses.join(", ")}, which mail goes out from: ${reason}`,
    fix: `Put ${own.join(" ")} before the last term of that record; or ${publish.replace(/^In/u, "in")}`,
  };
}

function passing(domain: string, terms: number): Omit<Finding, "id"> {
  const says = `SPF lets this host send mail of ${domain}`;
  if (terms <= SPF_TERMS_MAX)
    return { state: "good", says: `${says} (${terms} of ${SPF_TERMS_MAX} look-ups)` };
  return {
    state: "warning",
    says: `${says}, but its record needs ${terms} look-ups, and other hosts stop after ${SPF_TERMS_MAX}: what stands behind is not allowed`,
    fix: `Take out includes that send nothing any more, or put addresses (ip4:, ip6:) in their place`,
  };
}

/** SPF looks at no octet of it. */
async function* noMessage(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("From: postmaster\r\n\r\n");
}
