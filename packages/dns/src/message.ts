import { randomInt } from "node:crypto";
import type { DecodedPacket, OptAnswer } from "dns-packet";
import packet from "dns-packet";
import { normalName } from "./domain-name.ts";
import { limits } from "./limits.ts";

export type QuestionType =
  | "A"
  | "AAAA"
  | "MX"
  | "TXT"
  | "TLSA"
  | "PTR"
  | "SRV"
  | "CAA"
  | "CNAME"
  | "SOA";

export interface Question {
  readonly type: QuestionType;
  readonly name: string;
}

/** One question on the wire. */
export interface QueryMessage {
  readonly question: Question;
  readonly id: number;
  /** The name with the case that went out, when the case is a secret between us and the server. */
  readonly wireName: string;
  readonly isCaseRandomized: boolean;
  readonly octets: Buffer;
}

export interface QueryOptions {
  readonly hasEdns: boolean;
  readonly isCaseRandomized: boolean;
}

/**
 * AD in a query asks for AD in the answer (RFC 6840 §5.7). DO would ask for it too, and for signatures that nobody
 * here checks and that would not fit into a datagram.
 */
export function queryFor(question: Question, options: QueryOptions): QueryMessage {
  const { hasEdns, isCaseRandomized } = options;
  const id = randomInt(0x1_0000);
  const wireName = isCaseRandomized ? randomCase(question.name) : question.name;
  const octets = packet.encode({
    type: "query",
    id,
    flags: packet.RECURSION_DESIRED | packet.AUTHENTIC_DATA,
    questions: [{ type: question.type, name: wireName }],
    additionals: hasEdns ? [edns] : [],
  });
  return { question, id, wireName, isCaseRandomized, octets };
}

// RFC 6891 §6.1.2
const edns: OptAnswer = {
  type: "OPT",
  name: ".",
  udpPayloadSize: limits.udpPayloadBytes,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

/** The answer to this query, or undefined for any other octets: broken, forged, or to another question. */
export function answerTo(query: QueryMessage, octets: Buffer): DecodedPacket | undefined {
  const message = decode(octets);
  if (message === undefined || message.type !== "response" || message.id !== query.id)
    return undefined;
  const [asked, ...more] = message.questions ?? [];
  // A server that could not read the question may leave it out (RFC 1035 §4.1.1, format error).
  if (asked === undefined) return isFormatError(message) ? message : undefined;
  if (more.length > 0 || asked.type !== query.question.type) return undefined;
  const isSameName = query.isCaseRandomized
    ? asked.name === query.wireName
    : normalName(asked.name) === normalName(query.wireName);
  return isSameName ? message : undefined;
}

/**
 * dns-packet throws whatever comes to it on octets that are not a message, and reads some records past
 * the end of a message cut short.
 */
function decode(octets: Buffer): DecodedPacket | undefined {
  try {
    const message = packet.decode(octets);
    return packet.decode.bytes <= octets.length ? message : undefined;
  } catch {
    return undefined;
  }
}

export const rcodeOf = (message: DecodedPacket): string =>
  (message as { readonly rcode?: string }).rcode ?? "NOERROR";

/** What a server from before EDNS says to a question with it (RFC 6891 §7). */
export const isFormatError = (message: DecodedPacket): boolean =>
  ["FORMERR", "NOTIMP"].includes(rcodeOf(message));

function randomCase(name: string): string {
  return name.replace(/[a-z]/gu, (letter) => (randomInt(2) === 0 ? letter : letter.toUpperCase()));
}
