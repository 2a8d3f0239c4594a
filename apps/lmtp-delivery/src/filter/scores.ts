import { parseHeader } from "@posthouse/message";
import type { Surroundings } from "@posthouse/sieve";

/** Which programs say something of a message, by the names that the configuration has for them. */
export type FilterKinds = ReadonlyMap<string, "milter" | "rspamd" | "clamd">;

/**
 * What spamtest and virustest see (RFC 5235): the verdicts of filters that smtp-in wrote above its own Received
 * field. What stands below came from outside, and is nobody's word.
 */
export function scoresOf(
  header: Uint8Array,
  kinds: FilterKinds,
): NonNullable<Surroundings["scores"]> {
  let spamPercent: number | undefined;
  let virus: number | undefined;
  const octets = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
  for (const { name, valueStart, end } of parseHeader(octets)) {
    if (name === "received") break;
    if (name !== "x-posthouse-filter") continue;
    const [, filter = "", said = ""] =
      /^\s*([^:]+): (.*?)\s*$/s.exec(octets.toString("latin1", valueStart, end)) ?? [];
    const kind = kinds.get(filter);
    if (kind === "rspamd") spamPercent = larger(spamPercent, percentOf(said));
    if (kind === "clamd") virus = larger(virus, virusOf(said));
  }
  return {
    ...(spamPercent !== undefined && { spamPercent }),
    ...(virus !== undefined && { virus }),
  };
}

/** `add header, score 7.50 of 15.00`: part of what is refused. 1 is certainly no spam. */
function percentOf(said: string): number | undefined {
  const [, score, of] = /, score (-?\d+(?:\.\d+)?) of (\d+(?:\.\d+)?)/.exec(said) ?? [];
  if (score === undefined || !(Number(of) > 0)) return undefined;
  return Math.min(100, Math.max(1, Math.round((Number(score) / Number(of)) * 100)));
}

/** RFC 5235 §2.6: 1 is clean, 5 is a virus; what did not answer has said nothing. */
function virusOf(said: string): number | undefined {
  if (said === "found nothing") return 1;
  return said.startsWith("found ") ? 5 : undefined;
}

const larger = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || (other !== undefined && other > one) ? other : one;
