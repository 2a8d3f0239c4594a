import { isIPv6 } from "node:net";
import type { IprevVerdict } from "@posthouse/mail-auth";
import type { Envelope } from "@posthouse/smtp";
import { type Decision, take } from "./decision.ts";
import type { Listing } from "./dns-lists.ts";

export interface ScoreRules {
  readonly hostname: string;
  /** The client says in HELO that it is us. */
  readonly ownName: number;
  /** The client's HELO is no name that could be in the DNS, nor its address. */
  readonly badHelo: number;
  /** The client's address has no name that leads back to it. */
  readonly noName: number;
  readonly junk: number;
  readonly refuse: number;
}

/**
 * What is against a client, in points. HELO and reverse names alone refuse nobody: RFC 5321 §4.1.4 forbids it
 * for HELO, and there are honest hosts whose provider gives no name. Together with a list they weigh.
 */
export function decideByClient(
  { address, helo }: Pick<Envelope["client"], "address" | "helo">,
  facts: {
    readonly iprev: IprevVerdict | undefined;
    readonly listings: readonly Listing[];
    readonly rules: ScoreRules;
  },
): Decision & { readonly points: number; readonly reasons: readonly string[] } {
  const { rules, iprev, listings } = facts;
  const counts: [number, string][] = listings.map(({ zone, score }) => [
    score,
    `${address} is listed by ${zone}`,
  ]);
  if (helo.toLowerCase() === rules.hostname.toLowerCase()) {
    counts.push([rules.ownName, `it calls itself ${rules.hostname}, which is this host`]);
  } else if (!isSoundHelo(helo, address)) {
    counts.push([rules.badHelo, "its HELO is neither a host name nor its address"]);
  }
  if (iprev?.result === "fail" || iprev?.result === "permerror") {
    counts.push([rules.noName, iprev.reason]);
  }
  const weighing = counts.filter(([score]) => score !== 0);
  const points = weighing.reduce((sum, [score]) => sum + score, 0);
  const reasons = weighing.map(([, reason]) => reason);
  return { ...decisionOf(points, reasons, rules), points, reasons };
}

function decisionOf(points: number, reasons: readonly string[], rules: ScoreRules): Decision {
  const reason = reasons.join(", ").slice(0, REASON_CHARS_MAX);
  if (points >= rules.refuse) {
    const text = `Your host is not trusted here: ${reason}. Have that put right, or send through another host`;
    return { action: "refuse", reply: { code: 554, enhanced: "5.7.1", text } };
  }
  return points >= rules.junk ? { action: "junk", reason } : take;
}

const REASON_CHARS_MAX = 300;

/** RFC 5321 §4.1.1.1: a fully qualified name, or the address itself as a literal. */
function isSoundHelo(helo: string, address: string): boolean {
  const literal = /^\[(?:IPv6:)?([^\]]+)\]$/i.exec(helo)?.[1];
  if (literal !== undefined) return canonical(literal) === canonical(address);
  return /^(?=.{1,253}$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*\.?$/.test(
    helo,
  );
}

function canonical(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/su, "");
  return isIPv6(plain) ? new URL(`http://[${plain}]/`).hostname : plain;
}
