import { DnsError, type Resolver } from "@posthouse/dns";

/** RFC 7208 §4.6.4: terms that need the DNS, in the record and all that it includes. */
export const SPF_TERMS_MAX = 10;

/** A record that includes itself ends somewhere: by then it is far beyond what counts. */
const COUNTED_MAX = 3 * SPF_TERMS_MAX;

/**
 * How many terms of a domain's SPF record need the DNS, includes and redirect followed: what a host has to ask that
 * none of the terms before the last lets through. Names with macros are counted and not followed.
 */
export async function countSpfTerms(domain: string, resolver: Resolver): Promise<number> {
  let count = 0;
  const waiting = [domain];
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    for (const term of (await recordOf(name, resolver)).split(/ +/u).slice(1)) {
      const asked = /^[+?~-]?(include|a|mx|ptr|exists)(?:[:/]|$)|^(redirect)=/iu.exec(term);
      if (asked === null) continue;
      if (++count >= COUNTED_MAX) return count;
      const [, target] = /^(?:[+?~-]?include:|redirect=)([^%]+)$/iu.exec(term) ?? [];
      if (target !== undefined) waiting.push(target);
    }
  }
  return count;
}

async function recordOf(name: string, resolver: Resolver): Promise<string> {
  try {
    const { records } = await resolver.txt(name);
    return records.find((text) => /^v=spf1(?: |$)/iu.test(text)) ?? "";
  } catch (error) {
    if (error instanceof DnsError) return "";
    throw error;
  }
}
