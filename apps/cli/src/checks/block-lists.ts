import { isIPv4 } from "node:net";
import { DnsError, type Resolver } from "@posthouse/dns";
import type { Finding } from "./finding.ts";

/** Lists that large providers ask. */
export const wellKnownLists = [
  "zen.spamhaus.org",
  "bl.spamcop.net",
  "b.barracudacentral.org",
  "psbl.surriel.com",
] as const;

/** Said where no name can be looked up. */
const unaskedLists: Finding = {
  id: "lists",
  state: "unproven",
  says: "Whether a DNS list has this machine's addresses is not known, as names cannot be looked up",
};

/** Whether other hosts are told not to take mail from these addresses (RFC 5782 §2.1). */
export async function blockListFindings(
  addresses: readonly string[],
  resolver: Resolver,
  {
    lists = wellKnownLists,
    canLookUp = true,
  }: { readonly lists?: readonly string[] | undefined; readonly canLookUp?: boolean } = {},
): Promise<readonly Finding[]> {
  // Who says of every name that it is not there would say of every list that it has nobody.
  if (!canLookUp) return [unaskedLists];
  const asked = addresses
    .filter((address) => isIPv4(address))
    .flatMap((address) => lists.map((list) => ({ address, list })));
  const answers = await Promise.all(
    asked.map(async (one) => ({ ...one, answer: await answerOf(one, resolver) })),
  );
  const listed = answers.filter(({ answer }) => answer === "listed");
  const silent = [
    ...new Set(answers.filter(({ answer }) => answer === "refused").map(({ list }) => list)),
  ];
  const findings: Finding[] = listed.map(({ address, list }) => ({
    id: `list ${list} ${address}`,
    state: "bad",
    says: `${address} is on the list ${list}, so many hosts refuse its mail`,
    fix: `Look it up on the site of ${list}, find what sent spam (posthouse trace, posthouse queue list), and ask to be taken off`,
  }));
  if (listed.length === 0 && asked.length > silent.length * addresses.length) {
    findings.push({ id: "lists", state: "good", says: "No DNS list has this machine's addresses" });
  }
  if (silent.length > 0) {
    findings.push({
      id: "lists-silent",
      state: "unproven",
      says: `${silent.join(", ")} ${silent.length === 1 ? "does" : "do"} not answer this resolver`,
      fix: "They refuse public resolvers: apt-get install unbound, and nameserver 127.0.0.1 in /etc/resolv.conf",
    });
  }
  return findings;
}

async function answerOf(
  { address, list }: { readonly address: string; readonly list: string },
  resolver: Resolver,
): Promise<"listed" | "clean" | "refused"> {
  try {
    const name = `${address.split(".").reverse().join(".")}.${list}`;
    const { records } = await resolver.addresses(name, 4);
    // 127.255.255.x says that the question was not taken; what is not in 127.0.0.0/8 is somebody's catch-all.
    if (records.some((record) => record.address.startsWith("127.255.255."))) return "refused";
    return records.some((record) => record.address.startsWith("127.")) ? "listed" : "clean";
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return error.isTransient ? "refused" : "clean";
  }
}
