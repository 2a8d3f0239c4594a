import type { MailAuthResults } from "@posthouse/mail-auth";

/** What is known of the author in From, for whoever has to know him or sends the message on. */
export interface AuthorFacts {
  /** Does somebody who answers for the author's domain stand behind the message? */
  readonly proof: "proven" | "unproven" | "unknown";
  /** A signature of that domain does, which holds wherever the message goes on to. */
  readonly isSigned: boolean;
  /** Its owner wants what cannot be shown to be his refused or put aside. */
  readonly isProtected: boolean;
}

/** A client whose mail is not looked at is believed. */
export const believed: AuthorFacts = { proof: "proven", isSigned: false, isProtected: false };

/** Nothing was looked at. */
export const unproven: AuthorFacts = { ...believed, proof: "unproven" };

export function authorFacts({ spf, dkim, dmarc, arc }: MailAuthResults): AuthorFacts {
  const { domain, policy = "none" } = dmarc;
  const isOfAuthor = (one: { readonly result: string; readonly domain: string }) =>
    one.result === "pass" && isRelated(one.domain, domain);
  const hasPassed = dmarc.result === "pass";
  // Without a record there is no DMARC verdict, and what it would look at is there all the same.
  const isShown =
    hasPassed ||
    arc.vouchedBy !== undefined ||
    (dmarc.result === "none" && [spf, ...dkim].some(isOfAuthor));
  return {
    proof: isShown ? "proven" : dmarc.result === "temperror" ? "unknown" : "unproven",
    isSigned: hasPassed ? dmarc.alignedBy === "DKIM" : dkim.some(isOfAuthor),
    isProtected: policy !== "none",
  };
}

/** Relaxed alignment (RFC 9989 §4.4) without the tree walk: one is the other, or below it. */
function isRelated(one: string, other: string): boolean {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  const isName = [a, b].every((name) => name.includes("."));
  return isName && (a === b || a.endsWith(`.${b}`) || b.endsWith(`.${a}`));
}
