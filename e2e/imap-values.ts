/** A value of an IMAP answer: a string or an atom as text of one character an octet, NIL as null, or a list. */
export type ImapValue = string | null | readonly ImapValue[];

/** What FETCH said of one message, by item name. */
export type FetchedItems = ReadonlyMap<string, ImapValue>;

/** The FETCH answers in what a server said, by UID. */
export function fetchedItems(said: string): ReadonlyMap<number, FetchedItems> {
  const byUid = new Map<number, FetchedItems>();
  const start = /^\* \d+ FETCH (?=\()/gm;
  for (let match = start.exec(said); match !== null; match = start.exec(said)) {
    const reader = new ValueReader(said, start.lastIndex);
    const list = reader.value() as readonly ImapValue[];
    // Octets of a literal may look like an answer.
    start.lastIndex = reader.at;
    const items = new Map<string, ImapValue>();
    for (let at = 0; at + 1 < list.length; at += 2) {
      items.set(String(list[at]).toUpperCase(), list[at + 1] as ImapValue);
    }
    byUid.set(Number(items.get("UID")), items);
  }
  return byUid;
}

class ValueReader {
  readonly #text: string;
  at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  value(): ImapValue {
    const first = this.#text[this.at];
    if (first === "(") return this.#list();
    if (first === '"') return this.#take(/"((?:[^"\\]|\\.)*)"/y).replaceAll(/\\(.)/g, "$1");
    if (first === "{" || first === "~") return this.#literal();
    const atom = this.#take(/((?:[^ ()[\]\r\n]|\[[^\]]*\])+)/y);
    return atom === "NIL" ? null : atom;
  }

  #list(): ImapValue {
    const items: ImapValue[] = [];
    this.at += 1;
    while (this.#text[this.at] !== ")") {
      if (this.#text[this.at] === " ") this.at += 1;
      else items.push(this.value());
    }
    this.at += 1;
    return items;
  }

  #literal(): string {
    const length = Number(this.#take(/~?\{(\d+)\}\r\n/y));
    const start = this.at;
    this.at += length;
    return this.#text.slice(start, this.at);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#text);
    if (match === null)
      throw new Error(
        `No value at: ${JSON.stringify(this.#text.slice(this.at - 300, this.at + 80))}`,
      );
    this.at = pattern.lastIndex;
    return match[1] ?? "";
  }
}
