/** A value as the grammar of RFC 3501 §9 has it; text is one character an octet. */
export type StrictValue =
  | { readonly kind: "nil" }
  | { readonly kind: "number"; readonly number: number }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly StrictValue[] };

const tokenPattern =
  /(NIL)|(\d{1,10})|"((?:[^"\\\r\n\0\x80-\xff]|\\["\\])*)"|\{(\d{1,10})\}\r\n|(\()/y;

/** Reads one list that takes all of the text, and nothing that the grammar does not have. */
export function strictList(text: string): readonly StrictValue[] {
  const root: StrictValue[] = [];
  const open: StrictValue[][] = [root];
  let at = 0;
  while (at < text.length) {
    const items = open.at(-1) as StrictValue[];
    if (text[at] === ")") {
      open.pop();
      if (open.length === 0) throw new Error(`A list is closed that is not open, at ${at}`);
      at += 1;
      continue;
    }
    if (items.length > 0 && text[at] === " ") at += 1;
    // Addresses and parts stand next to each other.
    else if (items.length > 0 && !(text[at] === "(" && items.at(-1)?.kind === "list")) {
      throw new Error(`A space is missing at ${at}`);
    }
    tokenPattern.lastIndex = at;
    const token = tokenPattern.exec(text);
    if (token === null)
      throw new Error(`No value at ${at}: ${JSON.stringify(text.slice(at, at + 40))}`);
    at = tokenPattern.lastIndex;
    const [, nil, number, quoted, literal, list] = token;
    if (nil !== undefined) items.push({ kind: "nil" });
    else if (number !== undefined) items.push({ kind: "number", number: Number(number) });
    else if (quoted !== undefined) items.push({ kind: "string", text: quoted });
    else if (literal !== undefined) {
      const octets = text.slice(at, at + Number(literal));
      if (octets.length !== Number(literal) || octets.includes("\0"))
        throw new Error("A literal is wrong");
      items.push({ kind: "string", text: octets });
      at += octets.length;
    } else if (list !== undefined) {
      const inner: StrictValue[] = [];
      items.push({ kind: "list", items: inner });
      open.push(inner);
    }
  }
  const [first, ...others] = root;
  if (open.length !== 1 || first?.kind !== "list" || others.length > 0) {
    throw new Error("That is not one list");
  }
  return first.items;
}

function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

const isString = (value: StrictValue | undefined): boolean => value?.kind === "string";
const isNString = (value: StrictValue | undefined): boolean =>
  value?.kind === "string" || value?.kind === "nil";
const isNumber = (value: StrictValue | undefined): boolean => value?.kind === "number";

/** `envelope` of RFC 3501 §9. */
export function checkEnvelope(items: readonly StrictValue[]): void {
  must(items.length === 10, "An ENVELOPE has ten items");
  for (const [index, item] of items.entries()) {
    const isAddresses = index >= 2 && index <= 7;
    if (!isAddresses) must(isNString(item), `Item ${index} of an ENVELOPE is an nstring`);
    else if (item.kind === "list") checkAddresses(item.items);
    else must(item.kind === "nil", `Item ${index} of an ENVELOPE is a list of addresses`);
  }
}

function checkAddresses(addresses: readonly StrictValue[]): void {
  must(addresses.length > 0, "A list of addresses is not empty");
  for (const address of addresses) {
    must(address.kind === "list" && address.items.length === 4, "An address has four items");
    must(address.items.every(isNString), "An address is of nstrings");
  }
}

/** `body` of RFC 3501 §9; extended for BODYSTRUCTURE. */
export function checkBody(items: readonly StrictValue[], isExtended: boolean): void {
  if (items[0]?.kind === "list") checkMultipart(items, isExtended);
  else checkSinglePart(items, isExtended);
}

function checkMultipart(items: readonly StrictValue[], isExtended: boolean): void {
  const parts = items.filter((item, index) => item.kind === "list" && isPart(items, index));
  for (const part of parts) if (part.kind === "list") checkBody(part.items, isExtended);
  const rest = items.slice(parts.length);
  must(isString(rest[0]), "A multipart has a subtype");
  must(rest.length === (isExtended ? 5 : 1), "A multipart has its extension data or none");
  if (!isExtended) return;
  checkParameters(rest[1]);
  checkExtension(rest.slice(2));
}

/** Parts come before everything else. */
const isPart = (items: readonly StrictValue[], index: number): boolean =>
  items.slice(0, index).every(({ kind }) => kind === "list");

function checkSinglePart(items: readonly StrictValue[], isExtended: boolean): void {
  const [type, subtype, parameters, id, description, encoding, size, ...rest] = items;
  must(type?.kind === "string" && isString(subtype), "A part has a type");
  checkParameters(parameters);
  must(isNString(id) && isNString(description), "A part has an id and a description");
  must(isString(encoding) && isNumber(size), "A part has an encoding and a size");
  const left = [...rest];
  if (left[0]?.kind === "list" && type.text === "MESSAGE") {
    const [envelope, body, lines] = left.splice(0, 3);
    must(
      envelope?.kind === "list" && body?.kind === "list",
      "A message has an ENVELOPE and a body",
    );
    checkEnvelope(envelope.items);
    checkBody(body.items, isExtended);
    must(isNumber(lines), "A message has lines");
  } else if (type.text === "TEXT") must(isNumber(left.shift()), "A text has lines");
  must(left.length === (isExtended ? 4 : 0), "A part has its extension data or none");
  if (!isExtended) return;
  must(isNString(left[0]), "An MD5 is an nstring");
  checkExtension(left.slice(1));
}

function checkParameters(value: StrictValue | undefined): void {
  if (value?.kind === "nil") return;
  must(value?.kind === "list" && value.items.length > 0, "Parameters are a list");
  must(value.items.length % 2 === 0 && value.items.every(isString), "Parameters are pairs");
}

function checkExtension([disposition, language, location]: readonly StrictValue[]): void {
  if (disposition?.kind === "list") {
    must(
      disposition.items.length === 2 && isString(disposition.items[0]),
      "A disposition is a pair",
    );
    checkParameters(disposition.items[1]);
  } else must(disposition?.kind === "nil", "A disposition is a list");
  if (language?.kind === "list") must(language.items.every(isString), "Languages are strings");
  else must(isNString(language), "A language is an nstring");
  must(isNString(location), "A location is an nstring");
}
