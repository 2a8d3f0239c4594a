/**
 * What a message turned out to be, in the words of RFC 8601 §2.7. Each verdict has its reason as one
 * sentence for people, without a full stop.
 */
export interface MailAuthResults {
  readonly iprev: IprevVerdict;
  readonly spf: SpfVerdict;
  /** One for each signature, in the order of the header; none when there is none. */
  readonly dkim: readonly DkimVerdict[];
  readonly dmarc: DmarcVerdict;
  readonly arc: ArcVerdict;
}

/** RFC 8601 §2.7.3: has the client's address a name that leads back to it? */
export interface IprevVerdict {
  readonly result: "pass" | "fail" | "temperror" | "permerror";
  readonly address: string;
  /** The name that leads back, when it passed. */
  readonly name?: string;
  readonly reason: string;
}

/** RFC 7208: may this client send for that domain? */
export interface SpfVerdict {
  readonly result: "pass" | "fail" | "softfail" | "neutral" | "none" | "temperror" | "permerror";
  /** Of MAIL FROM; of HELO when the reverse-path is null (RFC 7208 §2.4). */
  readonly identity: "mailfrom" | "helo";
  readonly domain: string;
  readonly reason: string;
}

/** RFC 6376: one signature. */
export interface DkimVerdict {
  readonly result: "pass" | "fail" | "policy" | "neutral" | "temperror" | "permerror";
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: string;
  /** The first eight characters of b=, by which two of one domain differ (RFC 6008 §4). */
  readonly signature: string;
  readonly reason: string;
}

export type DmarcPolicy = "none" | "quarantine" | "reject";

/** Why DMARC cannot be told of a message: its From names nobody, or nobody in particular. */
export type AuthorFault =
  | "several-from-fields"
  | "several-author-domains"
  | "no-author"
  | "header-too-large";

/** RFC 9989: does somebody who answers for the domain in From stand behind this message? */
export interface DmarcVerdict {
  readonly result: "pass" | "fail" | "none" | "temperror" | "permerror";
  /** The author domain; "" when there is none. */
  readonly domain: string;
  /**
   * What its owner wants done with what fails, after sp, np and t; absent when that is not known. With
   * "temperror" it is known that it would be this, and not whether the message fails.
   */
  readonly policy?: DmarcPolicy;
  /** With "pass": what vouches for the author. A signature does so wherever the message goes on to. */
  readonly alignedBy?: "SPF" | "DKIM";
  /** With "permerror". */
  readonly fault?: AuthorFault;
  readonly reason: string;
}

/** RFC 8617: what those say who passed the message on. */
export interface ArcVerdict {
  readonly result: "none" | "pass" | "fail" | "temperror";
  /** Who sealed it, the last one first. */
  readonly sealers: readonly string[];
  /** The trusted sealer that saw DMARC pass for this author domain, with trusted sealers only behind it. */
  readonly vouchedBy?: string;
  readonly reason: string;
}
