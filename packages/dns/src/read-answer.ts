import type { Answer, DecodedPacket } from "dns-packet";
import { DnsError } from "./dns-error.ts";
import { normalName } from "./domain-name.ts";
import { limits } from "./limits.ts";
import { type Question, rcodeOf } from "./message.ts";

/** What one message says of a name, its CNAME chain followed as far as the message has it. */
export type Reading =
  | {
      readonly kind: "records";
      readonly name: string;
      readonly ttlSeconds: number;
      readonly data: readonly unknown[];
    }
  /** The chain leads to a name of which the message says nothing. */
  | { readonly kind: "elsewhere"; readonly name: string; readonly ttlSeconds: number }
  | {
      readonly kind: "nothing";
      readonly code: "not-found" | "no-data";
      readonly name: string;
      readonly ttlSeconds: number;
    };

/** Reads a message as the answer to a question. Throws DnsError for a chain that loops or is too long. */
export function readAnswer(question: Question, message: DecodedPacket): Reading {
  const answers = (message.answers ?? []).filter(hasOwner);
  const { name, ttlSeconds } = followChain(question, answers);
  const own = answers.filter((answer) => answer.type === question.type && ownerOf(answer) === name);
  if (own.length > 0) {
    const ttls = own.map(ttlOf);
    return {
      kind: "records",
      name,
      ttlSeconds: Math.min(ttlSeconds, ...ttls, limits.positiveTtlSecondsMax),
      data: own.map((answer) => ("data" in answer ? answer.data : undefined)),
    };
  }
  const isRedirected = name !== normalName(question.name);
  const negativeTtl = negativeTtlOf(message);
  if (rcodeOf(message) === "NXDOMAIN") {
    return {
      kind: "nothing",
      code: "not-found",
      name,
      ttlSeconds: Math.min(ttlSeconds, negativeTtl ?? 0),
    };
  }
  // RFC 2308 §2.2: a resolver that has looked at the end of the chain says so with a SOA.
  if (isRedirected && negativeTtl === undefined) return { kind: "elsewhere", name, ttlSeconds };
  const ttl = Math.min(ttlSeconds, negativeTtl ?? 0);
  return { kind: "nothing", code: "no-data", name, ttlSeconds: ttl };
}

/** From the name asked for over its CNAMEs to where they end (RFC 1034 §3.6.2). */
function followChain(
  question: Question,
  answers: readonly Answer[],
): { name: string; ttlSeconds: number } {
  const targets = new Map<string, { target: string; ttlSeconds: number }>();
  // RFC 1034 §3.6.2: who asks for the CNAME itself is given it.
  for (const answer of question.type === "CNAME" ? [] : answers) {
    if (answer.type !== "CNAME" || typeof answer.data !== "string") continue;
    targets.set(ownerOf(answer), { target: normalName(answer.data), ttlSeconds: ttlOf(answer) });
  }
  let name = normalName(question.name);
  let ttlSeconds: number = limits.positiveTtlSecondsMax;
  for (let names = 1; ; names += 1) {
    const next = targets.get(name);
    if (next === undefined) return { name, ttlSeconds };
    if (names >= limits.chainNamesMax) throw tooLong(question);
    name = next.target;
    ttlSeconds = Math.min(ttlSeconds, next.ttlSeconds);
  }
}

/** RFC 2308 §5: the smaller of the SOA's own TTL and its MINIMUM; without a SOA, undefined. */
function negativeTtlOf(message: DecodedPacket): number | undefined {
  const soa = (message.authorities ?? []).find(({ type }) => type === "SOA");
  if (soa?.type !== "SOA") return undefined;
  const minimum = soa.data.minimum ?? 0;
  return Math.min(ttlOf(soa), minimum, limits.negativeTtlSecondsMax);
}

export const tooLong = ({ name }: Question): DnsError =>
  new DnsError(
    "bad-response",
    `The CNAME chain of ${name} loops, or has over ${limits.chainNamesMax} names`,
  );

const hasOwner = (answer: Answer): boolean => answer.type !== "OPT" && answer.class === "IN";

const ownerOf = (answer: Answer): string => normalName(answer.name);

// RFC 2181 §8: a TTL with its highest bit set counts as zero.
const ttlOf = (answer: Answer): number => {
  const ttl = "ttl" in answer ? (answer.ttl ?? 0) : 0;
  return ttl > 0x7fff_ffff ? 0 : ttl;
};
