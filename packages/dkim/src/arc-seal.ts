import { type HeaderField, parseHeader } from "@posthouse/message";
import type { DkimKey } from "./dkim-key.ts";
import { arcForm, completed, MessageReader, relaxedField, signatureField } from "./sign.ts";

export interface SealOptions {
  readonly key: DkimKey;
  /** Whose Authentication-Results field is the one to seal: ours. */
  readonly authservId: string;
  readonly nowMs: number;
}

/**
 * The three fields of one ARC set (RFC 8617 §4.1), to be put in front of a message that came from outside and
 * is sent on: what we saw when it came, signed, so that the next host can know what SPF and DKIM do not show
 * any more. The message is read once, and not kept.
 *
 * A chain that does not hold is sealed as failed, once (§5.1), so that nobody behind us takes it for one that broke
 * with us.
 *
 * Empty when there is nothing to say or nobody to say it to: no results of ours, a chain that was not looked at or
 * was sealed as failed before, 50 sets already, a header larger than anyone's.
 */
export async function sealFields(
  octets: AsyncIterable<Uint8Array>,
  { key, authservId, nowMs }: SealOptions,
): Promise<Buffer> {
  const reader = new MessageReader();
  for await (const chunk of octets) {
    reader.take(chunk);
    if (reader.isTooLong) return nothing;
  }
  const { header, bodyHash } = reader.end();
  const fields = parseHeader(header);
  const results = ownResults(fields, authservId);
  const chain = results === undefined ? undefined : chainOf(fields, results);
  if (results === undefined || chain === undefined || chain.instance > setsMax) return nothing;

  const { instance, validation, sets } = chain;
  const seen = `ARC-Authentication-Results: i=${instance};${results}\r\n`;
  const signature = await signatureField(key, { fields, bodyHash, nowMs }, arcForm(instance));
  const unsigned = [
    `ARC-Seal: i=${instance}; a=${key.algorithm}; t=${Math.floor(nowMs / 1000)};`,
    ` cv=${validation}; d=${key.domain}; s=${key.selector};`,
    " b=",
  ].join("\r\n");
  // RFC 8617 §5.1.1: set after set, and of each the results, the signature, the seal.
  const lines = [...sets.flat(), seen, signature].map(relaxedField);
  const seal = await completed(key, unsigned, lines);
  return Buffer.from(`${seal}${signature}${seen}`, "latin1");
}

const nothing = Buffer.alloc(0);

/** RFC 8617 §4.2.1. */
const setsMax = 50;

const textOf = ({ raw }: HeaderField): string => Buffer.from(raw).toString("latin1");

/** The value of our topmost Authentication-Results field, with its folding. */
function ownResults(fields: readonly HeaderField[], authservId: string): string | undefined {
  const values = fields
    .filter(({ name }) => name === "authentication-results")
    .map((field) => textOf(field))
    .map((text) => text.slice(text.indexOf(":") + 1).replace(/\r?\n$/u, ""));
  return values.find(
    (value) => /^\s*([^\s;]+)/u.exec(value)?.[1]?.toLowerCase() === authservId.toLowerCase(),
  );
}

/** What is to be gone on with: the next instance, the chain as we saw it, and its sets that are signed with ours. */
interface Chain {
  readonly instance: number;
  readonly validation: "none" | "pass" | "fail";
  readonly sets: readonly (readonly string[])[];
}

/** Undefined when it is not to be gone on with. */
function chainOf(fields: readonly HeaderField[], results: string): Chain | undefined {
  const result = /;\s*arc=(\w+)/iu.exec(results)?.[1]?.toLowerCase();
  if (result === "fail") return failedChainOf(fields);
  const sets = arcSetsOf(fields);
  if (sets === undefined) return undefined;
  if (sets.length === 0) return { instance: 1, validation: "none", sets };
  return result === "pass" ? { instance: sets.length + 1, validation: "pass", sets } : undefined;
}

/** RFC 8617 §5.1.2: whatever is there, our set is signed as if it were the only one. */
function failedChainOf(fields: readonly HeaderField[]): Chain | undefined {
  const those = fields.filter(({ name }) => namesOfSet.some((one) => one === name));
  const last = Math.max(0, ...those.map(instanceOf));
  const seals = those.filter((field) => field.name === "arc-seal" && instanceOf(field) === last);
  // §5.1, step 2: somebody has said so before.
  if (last === 0 || seals.some((seal) => /[:;]\s*cv\s*=\s*fail\b/iu.test(textOf(seal))))
    return undefined;
  return { instance: last + 1, validation: "fail", sets: [] };
}

const namesOfSet = ["arc-authentication-results", "arc-message-signature", "arc-seal"] as const;

/** The fields of each set, by instance; undefined when they are no chain from 1 on. */
function arcSetsOf(fields: readonly HeaderField[]): string[][] | undefined {
  const those = fields.filter(({ name }) => namesOfSet.some((one) => one === name));
  if (those.length > setsMax * namesOfSet.length) return undefined;
  const sets: string[][] = [];
  for (let instance = 1; sets.length * namesOfSet.length < those.length; instance += 1) {
    const set = namesOfSet.map((name) =>
      those.filter((field) => field.name === name && instanceOf(field) === instance).map(textOf),
    );
    if (set.some(({ length }) => length !== 1)) return undefined;
    sets.push(set.flat());
  }
  return sets;
}

const instanceOf = (field: HeaderField): number =>
  Number(/[:;]\s*i\s*=\s*(\d{1,3})\s*;/u.exec(textOf(field))?.[1] ?? 0);
