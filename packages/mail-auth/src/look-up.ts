import { DnsError, type DnsErrorCode, type Resolver } from "@posthouse/dns";

/** A question of mailauth: a name and the type of its records. */
export interface LookUp {
  readonly name: string;
  readonly type: string;
}

/** Its answer in the form of node:dns, or the code of the error that node:dns would have. */
export type LookedUp = { readonly records: readonly unknown[] } | { readonly errorCode: string };

/**
 * Asks our resolver what mailauth asks of node:dns. Nothing but ENOTFOUND and ENODATA says that there
 * is no record; all others say that nobody knows, which mailauth makes a temperror of.
 */
export async function lookUp(resolver: Resolver, { name, type }: LookUp): Promise<LookedUp> {
  try {
    return { records: await recordsOf(resolver, name, type) };
  } catch (error) {
    if (error instanceof DnsError) return { errorCode: codes[error.code] };
    throw error;
  }
}

async function recordsOf(
  resolver: Resolver,
  name: string,
  type: string,
): Promise<readonly unknown[]> {
  switch (type) {
    case "TXT":
      return (await resolver.txt(name)).records.map((text) => [text]);
    case "A":
      return await addressesOf(resolver, name, 4);
    case "AAAA":
      return await addressesOf(resolver, name, 6);
    case "MX":
      return (await resolver.mx(name)).records.map(({ preference, exchange }) => ({
        priority: preference,
        exchange,
      }));
    case "PTR": {
      const address = addressOfReverseName(name);
      return address === undefined ? [] : (await resolver.ptr(address)).records;
    }
    case "CNAME":
      return await aliasOf(resolver, name);
    default:
      throw new DnsError("no-data", `Nobody asks for ${type} here`);
  }
}

async function addressesOf(resolver: Resolver, name: string, family: 4 | 6): Promise<string[]> {
  return (await resolver.addresses(name, family)).records.map(({ address }) => address);
}

/** Asked only after A was not found: whether the name itself is there, as a CNAME to one that is not. */
async function aliasOf(resolver: Resolver, name: string): Promise<string[]> {
  let canonicalName: string | undefined;
  try {
    ({ canonicalName } = await resolver.addresses(name, 4));
  } catch (error) {
    if (!(error instanceof DnsError) || error.isTransient) throw error;
    ({ canonicalName } = error);
    if (canonicalName === undefined || isSameName(canonicalName, name)) throw error;
  }
  if (isSameName(canonicalName, name)) throw new DnsError("no-data", `${name} is no CNAME`);
  return [canonicalName];
}

const isSameName = (a: string, b: string): boolean =>
  a.toLowerCase().replace(/\.$/, "") === b.toLowerCase().replace(/\.$/, "");

/** mailauth asks by the name that an address has in the DNS; our resolver wants the address. */
function addressOfReverseName(name: string): string | undefined {
  const labels = name.toLowerCase().replace(/\.$/, "").split(".").toReversed();
  if (labels[0] !== "arpa") return undefined;
  const digits = labels.slice(2);
  if (labels[1] === "in-addr" && digits.length === 4) return digits.join(".");
  if (labels[1] !== "ip6" || digits.length !== 32) return undefined;
  return digits.join("").replaceAll(/.{4}(?=.)/g, "$&:");
}

const codes = {
  "not-found": "ENOTFOUND",
  "no-data": "ENODATA",
  "server-failure": "ESERVFAIL",
  timeout: "ETIMEOUT",
  "bad-response": "EBADRESP",
} as const satisfies Record<DnsErrorCode, string>;
