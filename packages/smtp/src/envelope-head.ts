import { ENVELOPE_VERSION, type Envelope, type EnvelopeClient } from "./envelope.ts";

/** An envelope without its recipients: what one MAIL command can say. */
export type EnvelopeHead = Omit<Envelope, "recipients">;

/** What came is no envelope of this version. The sentence names the field. */
export class EnvelopeError extends Error {
  override readonly name = "EnvelopeError";
}

/** Reads what JSON.parse() gave. Unknown fields are dropped: a newer Posthouse may have written them. */
export function parseEnvelopeHead(value: unknown): EnvelopeHead {
  const fields = recordOf(value, "envelope");
  if (fields.version !== ENVELOPE_VERSION) {
    throw new EnvelopeError(
      `The envelope has version ${String(fields.version)}, not ${ENVELOPE_VERSION}`,
    );
  }
  return {
    version: ENVELOPE_VERSION,
    messageId: textOf(fields, "messageId"),
    receivedAtMs: integerOf(fields, "receivedAtMs"),
    client: clientOf(fields.client),
    ...optional(fields, "authenticatedAs", textOf),
    reversePath: textOf(fields, "reversePath"),
    body: oneOf(fields, "body", ["7BIT", "8BITMIME", "BINARYMIME"]),
    smtpUtf8: booleanOf(fields, "smtpUtf8"),
    ...optional(fields, "ret", (from, name) => oneOf(from, name, ["FULL", "HDRS"])),
    ...optional(fields, "envid", textOf),
    requireTls: booleanOf(fields, "requireTls"),
    priority: integerOf(fields, "priority"),
    ...optional(fields, "deliverBy", deliverByOf),
    ...optional(fields, "holdUntilMs", integerOf),
    verdicts: verdictsOf(fields.verdicts),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function clientOf(value: unknown): EnvelopeClient {
  const fields = recordOf(value, "client");
  return {
    address: textOf(fields, "address"),
    helo: textOf(fields, "helo"),
    protocol: textOf(fields, "protocol"),
    ...optional(fields, "tls", tlsOf),
  };
}

function tlsOf(from: Fields, name: string): { version: string; cipher: string } {
  const fields = recordOf(from[name], name);
  return { version: textOf(fields, "version"), cipher: textOf(fields, "cipher") };
}

function deliverByOf(from: Fields, name: string): NonNullable<Envelope["deliverBy"]> {
  const fields = recordOf(from[name], name);
  return {
    atMs: integerOf(fields, "atMs"),
    mode: oneOf(fields, "mode", ["R", "N"]),
    trace: booleanOf(fields, "trace"),
  };
}

function verdictsOf(value: unknown): Record<string, string> {
  const verdicts = recordOf(value, "verdicts");
  return Object.fromEntries(Object.keys(verdicts).map((name) => [name, textOf(verdicts, name)]));
}

function recordOf(value: unknown, name: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrong(name);
}

/** No field of an envelope may hold a control character: each ends up in a header or a command. */
function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === "string" && !/\p{Cc}/u.test(value)) return value;
  throw wrong(name);
}

function integerOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw wrong(name);
}

function booleanOf(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (typeof value === "boolean") return value;
  throw wrong(name);
}

function oneOf<const T extends string>(fields: Fields, name: string, words: readonly T[]): T {
  const word = words.find((candidate) => candidate === fields[name]);
  if (word !== undefined) return word;
  throw wrong(name);
}

function optional<const Name extends string, T>(
  fields: Fields,
  name: Name,
  read: (fields: Fields, name: string) => T,
): { readonly [key in Name]?: T } {
  if (fields[name] === undefined) return {};
  return { [name]: read(fields, name) } as { readonly [key in Name]?: T };
}

const wrong = (name: string): EnvelopeError =>
  new EnvelopeError(`The envelope's field "${name}" is missing or not what it should be`);
