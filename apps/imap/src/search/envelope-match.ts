import { parseDateTime } from "@posthouse/message";
import { dayOf } from "../syntax/date-time.ts";
import type { SearchKey } from "../syntax/search-keys.ts";
import { isIn } from "./column-match.ts";
import { Envelope } from "./envelope.ts";
import { fold } from "./text-match.ts";

/** What is known of one message about a key: undefined when more of the message must be read. */
export type Known = (key: SearchKey) => boolean | undefined;

/** Whether the envelope decides some part of the key. */
export function asksEnvelope(key: SearchKey): boolean {
  if (key.kind === "and" || key.kind === "or") return key.keys.some(asksEnvelope);
  if (key.kind === "not") return asksEnvelope(key.key);
  return key.kind === "envelope" || key.kind === "sent-date";
}

/**
 * Adds to what the columns know what the envelope says. RFC 3501 §6.4.4 defines FROM, TO, CC, BCC and
 * SUBJECT by the envelope structure, so no file has to be opened for them.
 */
export function withEnvelope(columns: Known, octets: Uint8Array): Known {
  let envelope: Envelope | undefined;
  const known: Known = (key) => {
    const verdict = columns(key);
    if (verdict !== undefined) return verdict;
    if (key.kind === "and") return everyOf(key.keys, known);
    // One of them fits, unless each does not.
    if (key.kind === "or") return negated(everyOf(key.keys, (one) => negated(known(one))));
    if (key.kind === "not") return negated(known(key.key));
    if (key.kind !== "envelope" && key.kind !== "sent-date") return undefined;
    envelope ??= new Envelope(octets);
    return matchesEnvelope(key, envelope);
  };
  return known;
}

function matchesEnvelope(
  key: Extract<SearchKey, { kind: "envelope" | "sent-date" }>,
  envelope: Envelope,
): boolean {
  if (key.kind === "envelope") {
    const wanted = fold(key.text);
    return envelope.texts(key.field).some((text) => fold(text).includes(wanted));
  }
  // The Date field as its sender saw it, without time and zone (RFC 3501 §6.4.4, SENTON).
  const [value] = envelope.texts("date");
  const date = value === undefined ? undefined : parseDateTime(value);
  return (
    date !== undefined && isIn(dayOf(date.ms + date.offsetMinutes * 60_000), key.relation, key.day)
  );
}

/** Unknown only when no part is false. */
function everyOf(keys: readonly SearchKey[], known: Known): boolean | undefined {
  let result: boolean | undefined = true;
  for (const key of keys) {
    const verdict = known(key);
    if (verdict === false) return false;
    if (verdict === undefined) result = undefined;
  }
  return result;
}

const negated = (verdict: boolean | undefined): boolean | undefined =>
  verdict === undefined ? undefined : !verdict;
