/** What one host says in one report about mail in the name of a domain of ours, or about TLS with us. */
export type Report = DmarcReport | TlsReport;

interface AnyReport {
  /** As the reporter calls itself; who it is for certain stands beside the report. */
  readonly organisation: string;
  readonly reportId: string;
  /** The domain of ours that it is about, in lower case. */
  readonly domain: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** RFC 9990, and RFC 7489 before it. */
export interface DmarcReport extends AnyReport {
  readonly kind: "dmarc";
  /** The policy that the reporter saw. */
  readonly policy: string;
  readonly rows: readonly DmarcRow[];
  /** Rows that are not kept, added up. */
  readonly others?: { readonly messages: number; readonly failed: number };
}

/** Messages of one source that fared alike. */
export interface DmarcRow {
  readonly address: string;
  readonly messages: number;
  /** What became of them: none, quarantine or reject. */
  readonly disposition: string;
  /** Each in alignment with the author's domain; DMARC passes when one of them does. */
  readonly dkim: boolean;
  readonly spf: boolean;
  readonly author: string;
  /** `example.org selector pass`, whatever their alignment. */
  readonly signatures: readonly string[];
  /** `example.org pass`; empty where it was not said. */
  readonly sender: string;
  /** Why the policy was not kept to: forwarded, mailing_list, … */
  readonly reasons: readonly string[];
}

/** RFC 8460. */
export interface TlsReport extends AnyReport {
  readonly kind: "tls";
  readonly rows: readonly TlsRow[];
}

/** Sessions under one policy: with what it is, how they went. */
export interface TlsRow {
  /** tlsa, sts, or no-policy-found. */
  readonly policy: string;
  readonly successes: number;
  readonly failures: number;
  readonly details: readonly TlsFailure[];
}

export interface TlsFailure {
  /** RFC 8460 §4.3: certificate-expired, validation-failure, … */
  readonly type: string;
  readonly sessions: number;
  readonly host: string;
  readonly reason: string;
}

export const hasPassed = ({ dkim, spf }: Pick<DmarcRow, "dkim" | "spf">): boolean => dkim || spf;
