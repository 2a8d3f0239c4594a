import { structuredTokens, type Token } from "./structured-tokens.ts";

/** One mailbox of an address list (RFC 5322 §3.4). What is not there is the empty string. */
export interface Mailbox {
  readonly kind: "mailbox";
  /** Display name, or the comment that older software puts there; encoded words are left as they are. */
  readonly name?: string;
  /** The obsolete source route, `@a,@b` (RFC 5322 §4.4). */
  readonly route?: string;
  /** Without its quotes. */
  readonly localPart: string;
  readonly domain: string;
}

/** A named group, which may be empty: `undisclosed-recipients:;`. */
export interface Group {
  readonly kind: "group";
  readonly name: string;
  readonly members: readonly Mailbox[];
}

/** What an address list has in it. */
export type Address = Mailbox | Group;

/**
 * The addresses of From, To, Cc and the like (RFC 5322 §3.4, obsolete forms of §4.4 included). Never
 * throws and loses no address that can be read: text that is none becomes a mailbox with a name only.
 */
export function parseAddressList(value: string): Address[] {
  const reader = new AddressListReader();
  for (const token of structuredTokens(value, "<>[]:;@,")) reader.take(token);
  return reader.end();
}

/** Takes tokens one by one; `#words` is the address that is being read. */
class AddressListReader {
  readonly #addresses: Address[] = [];
  #words: Token[] = [];
  #angle: Token[] | undefined;
  #isInAngle = false;
  #wordsBeforeAngle = 0;
  #group: { name: string; members: Mailbox[] } | undefined;

  take(token: Token): void {
    if (this.#isInAngle) this.#takeInAngle(token);
    else if (token.kind === "special") this.#takeSpecial(token);
    else this.#words.push(token);
  }

  end(): Address[] {
    this.#endMailbox();
    this.#endGroup();
    return this.#addresses;
  }

  #takeInAngle(token: Token): void {
    if (token.kind === "special" && token.text === ">") this.#isInAngle = false;
    else if (this.#endsOpenAngle(token)) {
      this.#isInAngle = false;
      this.#takeSpecial(token);
    } else this.#angle?.push(token);
  }

  /** `<ann@example.org, <bob@…`: the ">" was forgotten. Only a source route has commas in it (RFC 5322 §4.4). */
  #endsOpenAngle({ kind, text }: Token): boolean {
    if (kind !== "special" || this.#angle === undefined) return false;
    const [first] = this.#angle;
    if (first !== undefined && isAt(first)) return false;
    return text === "," || text === ";" || text === "<";
  }

  #takeSpecial(token: Token): void {
    if (token.text === ",") this.#endMailbox();
    else if (token.text === ";") {
      // Outside a group it is what some senders write for a comma.
      this.#endMailbox();
      this.#endGroup();
    } else if (token.text === "<") this.#beginAngle();
    else if (token.text === ":") this.#beginGroup();
    else if (token.text === "@") this.#words.push(token);
    // A ">" or "]" that closes nothing says nothing.
  }

  #beginAngle(): void {
    if (this.#angle !== undefined) {
      // Two in one address: the comma between them was forgotten, and the words since are a name.
      const name = this.#words.splice(this.#wordsBeforeAngle);
      this.#endMailbox();
      this.#words = name;
    }
    this.#wordsBeforeAngle = this.#words.length;
    this.#angle = [];
    this.#isInAngle = true;
  }

  #beginGroup(): void {
    // Groups do not nest (RFC 5322 §3.4): inside one, the colon is no more than a word.
    if (this.#group !== undefined || this.#angle !== undefined) return;
    const name = phrase(this.#words) || comments(this.#words);
    this.#words = [];
    this.#group = { name, members: [] };
  }

  #endMailbox(): void {
    const mailbox = mailboxFrom(this.#words, this.#angle);
    this.#words = [];
    this.#angle = undefined;
    this.#isInAngle = false;
    if (mailbox !== undefined) (this.#group?.members ?? this.#addresses).push(mailbox);
  }

  #endGroup(): void {
    if (this.#group !== undefined) this.#addresses.push({ kind: "group", ...this.#group });
    this.#group = undefined;
  }
}

function mailboxFrom(
  words: readonly Token[],
  angle: readonly Token[] | undefined,
): Mailbox | undefined {
  if (angle !== undefined) return angleMailbox(words, angle);
  const at = words.findLastIndex(isAt);
  if (at !== -1) return bareMailbox(words, at);
  const name = phrase(words);
  if (name === "") return undefined;
  // "root" is a local part without a domain; several words are a name without an address.
  const [only, ...others] = words.filter(({ kind }) => kind !== "comment");
  if (only?.kind === "word" && others.length === 0) {
    return withName(comments(words), { localPart: only.text, domain: "" });
  }
  return withName(name, { localPart: "", domain: "" });
}

function angleMailbox(words: readonly Token[], angle: readonly Token[]): Mailbox {
  const colon = angle.findLastIndex(({ kind, text }) => kind === "special" && text === ":");
  const route = joined(angle.slice(0, Math.max(colon, 0)));
  const spec = angle.slice(colon + 1);
  const at = spec.findLastIndex(isAt);
  const localPart = joined(at === -1 ? spec : spec.slice(0, at));
  const domain = at === -1 ? "" : joined(spec.slice(at + 1));
  const name = phrase(words) || comments([...words, ...angle]);
  return withName(name, route === "" ? { localPart, domain } : { route, localPart, domain });
}

/**
 * An address without angle brackets. RFC 5322 §4.4 allows white space around its dots, so words are
 * drawn in as long as a dot stands between them; what is left over is taken as a name.
 */
function bareMailbox(words: readonly Token[], at: number): Mailbox {
  const before = words.slice(0, at).filter(({ kind }) => kind !== "comment");
  const after = words.slice(at + 1).filter(({ kind }) => kind !== "comment");
  let start = before.length - 1;
  while (start > 0 && isJoined(before[start - 1], before[start])) start -= 1;
  let end = Math.min(1, after.length);
  while (end < after.length && isJoined(after[end - 1], after[end])) end += 1;
  const name =
    phrase([...before.slice(0, Math.max(start, 0)), ...after.slice(end)]) || comments(words);
  return withName(name, {
    localPart: joined(before.slice(Math.max(start, 0))),
    domain: joined(after.slice(0, end)),
  });
}

function isJoined(first: Token | undefined, second: Token | undefined): boolean {
  if (first === undefined || second === undefined) return false;
  if (isAt(first) || isAt(second)) return true;
  return first.text.endsWith(".") || second.text.startsWith(".") || !second.isAfterSpace;
}

function isAt(token: Token): boolean {
  return token.kind === "special" && token.text === "@";
}

function withName(name: string, mailbox: Omit<Mailbox, "kind" | "name">): Mailbox {
  return name === "" ? { kind: "mailbox", ...mailbox } : { kind: "mailbox", name, ...mailbox };
}

function joined(tokens: readonly Token[]): string {
  return tokens
    .filter(({ kind }) => kind !== "comment")
    .map(({ text }) => text)
    .join("");
}

/** The words of a display name, with one space where there was any. */
function phrase(tokens: readonly Token[]): string {
  let text = "";
  for (const token of tokens) {
    if (token.kind === "comment") continue;
    text += token.isAfterSpace && text !== "" ? ` ${token.text}` : token.text;
  }
  return text;
}

function comments(tokens: readonly Token[]): string {
  return tokens
    .filter(({ kind }) => kind === "comment")
    .map(({ text }) => text.trim())
    .join(" ")
    .trim();
}
