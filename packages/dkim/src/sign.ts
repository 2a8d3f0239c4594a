import { createHash, sign as signWithKey } from "node:crypto";
import { promisify } from "node:util";
import { type HeaderField, parseAddressList, parseHeader } from "@posthouse/message";
import { RelaxedBodyHash } from "./body-hash.ts";
import type { DkimAlgorithm, DkimKey } from "./dkim-key.ts";
import { limits } from "./limits.ts";

export interface SignOptions {
  /** The keys to sign with, by the domain of From: undefined where it has none that can be read. */
  readonly keysFor: (fromDomain: string | undefined) => Promise<readonly DkimKey[]>;
  readonly nowMs: number;
}

/**
 * The DKIM-Signature fields for a message (RFC 6376), one a key, to be put in front of it; empty when
 * there is no key, or the header is larger than anyone's. The message is read once, and not kept.
 */
export async function signatureFields(
  octets: AsyncIterable<Uint8Array>,
  { keysFor, nowMs }: SignOptions,
): Promise<Buffer> {
  const reader = new MessageReader();
  let keys: readonly DkimKey[] | undefined;
  for await (const chunk of octets) {
    reader.take(chunk);
    if (reader.isTooLong) return Buffer.alloc(0);
    if (keys === undefined && reader.header !== undefined) {
      keys = await keysFor(fromDomainOf(reader.header));
      if (keys.length === 0) return Buffer.alloc(0);
    }
  }
  const { header, bodyHash } = reader.end();
  keys ??= await keysFor(fromDomainOf(header));
  const fields = parseHeader(header);
  const signed = keys.map((key) => signatureField(key, { fields, bodyHash, nowMs }));
  return Buffer.from((await Promise.all(signed)).join(""), "latin1");
}

/** Parts a message into its header and the hash of its body. */
export class MessageReader {
  header: Buffer | undefined;
  #read: Buffer = Buffer.alloc(0);
  readonly #body = new RelaxedBodyHash();

  get isTooLong(): boolean {
    return this.header === undefined && this.#read.length > limits.headerBytesMax;
  }

  take(chunk: Uint8Array): void {
    if (this.header !== undefined) {
      this.#body.update(chunk);
      return;
    }
    this.#read = this.#read.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#read, chunk]);
    const end = this.#read.indexOf("\r\n\r\n");
    if (end < 0) return;
    this.header = this.#read.subarray(0, end + 2);
    this.#body.update(this.#read.subarray(end + 4));
  }

  end(): { readonly header: Buffer; readonly bodyHash: string } {
    return { header: this.header ?? this.#read, bodyHash: this.#body.digest() };
  }
}

/** The domain of the first author, in lower case. */
function fromDomainOf(header: Buffer): string | undefined {
  const from = parseHeader(header).find(({ name }) => name === "from");
  if (from === undefined) return undefined;
  const value = header.subarray(from.valueStart, from.end).toString("utf8");
  const [first] = parseAddressList(value.replaceAll(/\r?\n/gu, ""));
  return first?.kind === "mailbox" && first.domain !== "" ? first.domain.toLowerCase() : undefined;
}

/**
 * RFC 6376 §5.4.1: what a reader sees of a message and what decides how it is shown. Those of
 * `oversigned` are named once more than they occur, so that nobody can add one (§8.15 there).
 */
const signedNames = [
  "from",
  "sender",
  "reply-to",
  "subject",
  "date",
  "message-id",
  "to",
  "cc",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
  "in-reply-to",
  "references",
  "list-id",
  "list-help",
  "list-unsubscribe",
  "list-unsubscribe-post",
  "list-subscribe",
  "list-post",
  "list-owner",
  "list-archive",
  "resent-from",
  "resent-to",
  "resent-date",
  "resent-message-id",
] as const;

const oversigned: ReadonlySet<string> = new Set([
  "from",
  "reply-to",
  "subject",
  "date",
  "to",
  "cc",
  "content-type",
]);

interface Signing {
  readonly fields: readonly HeaderField[];
  readonly bodyHash: string;
  readonly nowMs: number;
}

interface SignatureForm {
  /** The field's name, and what comes before a=. */
  readonly start: string;
  readonly names: readonly string[];
}

const dkimForm: SignatureForm = { start: "DKIM-Signature: v=1", names: signedNames };

/** RFC 8617 §4.1.2: signs what DKIM does, and the signatures that are there. */
export const arcForm = (instance: number): SignatureForm => ({
  start: `ARC-Message-Signature: i=${instance}`,
  names: [...signedNames, "dkim-signature"],
});

/** One field that signs a message, with its line end. */
export async function signatureField(
  key: DkimKey,
  { fields, bodyHash, nowMs }: Signing,
  form: SignatureForm = dkimForm,
): Promise<string> {
  const { names, lines } = chosen(fields, form.names);
  const unsigned = [
    `${form.start}; a=${key.algorithm}; c=relaxed/relaxed; d=${key.domain};`,
    ` s=${key.selector}; t=${Math.floor(nowMs / 1000)};`,
    ` h=${folded(names)};`,
    ` bh=${bodyHash};`,
    " b=",
  ].join("\r\n");
  // RFC 6376 §3.7: the field itself comes last, with an empty b= and without its line end.
  return await completed(key, unsigned, lines);
}

/** The field with its b=: over these lines, and itself without it. */
export async function completed(
  key: DkimKey,
  unsigned: string,
  lines: readonly string[],
): Promise<string> {
  const data = lines.join("") + relaxedField(unsigned).slice(0, -2);
  const signature = await signatureOf[key.algorithm](Buffer.from(data, "latin1"), key);
  const wrapped = signature.toString("base64").match(/.{1,72}/gu) ?? [];
  return `${unsigned}${wrapped.join("\r\n ")}\r\n`;
}

/** RFC 6376 §5.4.2: of several fields of a name the last one is signed first. */
function chosen(
  fields: readonly HeaderField[],
  wanted: readonly string[],
): { names: string[]; lines: string[] } {
  const names: string[] = [];
  const lines: string[] = [];
  for (const name of wanted) {
    const those = fields.filter((field) => field.name === name).reverse();
    for (const { raw } of those.slice(0, limits.fieldsOfOneNameMax)) {
      names.push(name);
      lines.push(relaxedField(Buffer.from(raw).toString("latin1")));
    }
    if (oversigned.has(name)) names.push(name);
  }
  return { names, lines };
}

/** RFC 6376 §3.4.2. */
export function relaxedField(field: string): string {
  const colon = field.indexOf(":");
  const name = field.slice(0, colon).replace(/[ \t]+$/u, "");
  const value = field
    .slice(colon + 1)
    .replaceAll(/\r?\n/gu, "")
    .replaceAll(/[ \t]+/gu, " ")
    .replace(/^ | $/gu, "");
  return `${name.toLowerCase()}:${value}\r\n`;
}

/** h= in lines that fit. */
function folded(names: readonly string[]): string {
  const lines = [""];
  for (const [n, name] of names.entries()) {
    const part = n === 0 ? name : `:${name}`;
    const line = lines.at(-1) ?? "";
    if (line.length + part.length > 72) lines.push(part);
    else lines[lines.length - 1] = line + part;
  }
  return lines.join("\r\n  ");
}

const signInThread = promisify(signWithKey);

const signatureOf: Readonly<
  Record<DkimAlgorithm, (data: Buffer, key: DkimKey) => Promise<Buffer>>
> = {
  "rsa-sha256": (data, { privateKey }) => signInThread("sha256", data, privateKey),
  // RFC 8463 §3: Ed25519 signs the SHA-256 of the header, not the header.
  "ed25519-sha256": (data, { privateKey }) => signInThread(null, sha256(data), privateKey),
};

const sha256 = (data: Buffer): Buffer => createHash("sha256").update(data).digest();
