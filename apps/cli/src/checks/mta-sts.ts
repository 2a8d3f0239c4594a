import { mtaStsPolicy } from "@posthouse/client-settings";
import { DnsError, type Resolver } from "@posthouse/dns";
import {
  fetchMtaStsPolicy,
  type HttpsSettings,
  isMxNamed,
  type MtaStsPolicy,
  mtaStsIdIn,
} from "@posthouse/mail-auth/mta-sts";
import type { Config } from "@posthouse/service";
import type { Finding } from "./finding.ts";

const FETCH = { fetchMs: 15_000, bytesMax: 64 * 1024 } as const;

/**
 * What other hosts get when they look for the MTA-STS policy of a domain (RFC 8461), beside what they should. Says
 * nothing of a domain without a record; that this is not ours, the comparison of records says.
 */
export async function mtaStsFindings(
  domain: string,
  config: Pick<Config, "hostname" | "http">,
  settings: HttpsSettings,
): Promise<readonly Finding[]> {
  const { resolver } = settings;
  const records = await textsOf(`_mta-sts.${domain}`, resolver);
  if (!records.some((text) => text.startsWith("v=STSv1"))) return [];
  const id = `mta-sts ${domain}`;
  if (mtaStsIdIn(records) === undefined) {
    return [
      {
        id,
        state: "bad",
        says: `_mta-sts.${domain} has no id, or several records: to other hosts there is no policy`,
        fix: `posthouse setup postmaster@${domain} --dry-run prints the record`,
      },
    ];
  }
  try {
    const { text, policy } = await fetchMtaStsPolicy(domain, settings, FETCH);
    const exchanges = await exchangesOf(domain, resolver);
    return [{ id, ...judged({ domain, config, policy, text, exchanges }) }];
  } catch (error) {
    return [
      {
        id,
        state: "warning",
        says: `The MTA-STS policy of ${domain}, which its record announces, cannot be fetched: ${reasonOf(error)}`,
        fix: `mta-sts.${domain} has to lead here, port 443 to be open, and a certificate to be for that name (docs/tls.md); or take the record out of the DNS`,
      },
    ];
  }
}

function judged({
  domain,
  config,
  policy,
  text,
  exchanges,
}: {
  readonly domain: string;
  readonly config: Pick<Config, "hostname" | "http">;
  readonly policy: MtaStsPolicy;
  readonly text: string;
  readonly exchanges: readonly string[];
}): Omit<Finding, "id"> {
  const unnamed = exchanges.filter((host) => !isMxNamed(policy, host));
  if (policy.mode !== "none" && unnamed.length > 0) {
    const isKept = policy.mode === "enforce";
    return {
      state: isKept ? "bad" : "warning",
      says: `The MTA-STS policy of ${domain} does not name ${unnamed.join(", ")}, which MX does: other hosts ${isKept ? "send nothing there" : "report that"}`,
      fix: `Let MX name only ${config.hostname}, or have the policy name it too`,
    };
  }
  const wanted = config.http.mtaSts;
  if (policy.mode !== wanted) {
    return {
      state: "warning",
      says: `The MTA-STS policy of ${domain} says mode ${policy.mode}, and http.mta_sts is "${wanted}": another web server answers for mta-sts.${domain}, or the server http has to start anew`,
      fix: "systemctl restart posthouse-http; or put the policy right where it is served, and change the id of its record",
    };
  }
  if (text.trim() !== mtaStsPolicy(config).trim()) {
    return {
      state: "unproven",
      says: `The MTA-STS policy of ${domain} holds, and is another one than this host serves`,
      fix: "When it changes where it is served, change the id of its record too",
    };
  }
  return {
    state: "good",
    says: `Other hosts get the MTA-STS policy of ${domain}: mode ${policy.mode}`,
  };
}

async function textsOf(name: string, resolver: Resolver): Promise<readonly string[]> {
  try {
    return (await resolver.txt(name)).records;
  } catch (error) {
    if (error instanceof DnsError) return [];
    throw error;
  }
}

async function exchangesOf(domain: string, resolver: Resolver): Promise<readonly string[]> {
  try {
    return (await resolver.mx(domain)).records.map(({ exchange }) => exchange);
  } catch (error) {
    if (error instanceof DnsError) return [];
    throw error;
  }
}

/** Of several addresses that were tried the first says why. */
function reasonOf(error: unknown): string {
  const { message, code, errors } = error as NodeJS.ErrnoException & Partial<AggregateError>;
  if (message !== "") return message;
  const [first] = (errors ?? []) as readonly Error[];
  return first?.message ?? code ?? "no answer";
}
