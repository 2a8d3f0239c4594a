/**
 * The text of one line, with its variables: what is sent, or the pattern of what is expected.
 *
 * All strings here are octets, one character an octet (latin1), because a server may send any octet
 * and a line that is not UTF-8 must fail as itself and not as a replacement character.
 */
export interface Template {
  /** As written in the file, for messages. */
  readonly source: string;
  readonly pieces: readonly Piece[];
}

type Piece =
  | { readonly kind: "octets"; readonly octets: string }
  | { readonly kind: "variable"; readonly name: string }
  /** `$*`: anything, also nothing. */
  | { readonly kind: "anything" };

/** Values of variables, as octets. */
export type Variables = Map<string, string>;

/** `text` in UTF-8, one character an octet. */
export const toOctets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/**
 * `$name`, `${name}` and `$*` are variables, `$$` is a dollar, `\xHH` an octet. A name starts with a
 * small letter and a backslash before anything else is itself, so that IMAP's `$Forwarded` and
 * `\Seen` can be written as they are.
 */
export function parseTemplate(source: string): Template {
  const pieces: Piece[] = [];
  const special = /\$\*|\$\$|\$([a-z][a-zA-Z0-9]*)|\$\{([a-z][a-zA-Z0-9]*)\}|\\x([0-9a-fA-F]{2})/g;
  let at = 0;
  const pushOctets = (octets: string) => {
    if (octets !== "") pieces.push({ kind: "octets", octets });
  };
  for (const found of source.matchAll(special)) {
    pushOctets(toOctets(source.slice(at, found.index)));
    at = found.index + found[0].length;

    const name = found[1] ?? found[2];
    if (name !== undefined) pieces.push({ kind: "variable", name });
    else if (found[3] !== undefined) pushOctets(String.fromCharCode(Number.parseInt(found[3], 16)));
    else if (found[0] === "$$") pushOctets("$");
    else pieces.push({ kind: "anything" });
  }
  pushOctets(toOctets(source.slice(at)));
  return { source, pieces };
}

/** The octets to send, or the name of a variable that has no value. */
export function fillTemplate(
  template: Template,
  variables: Variables,
): { readonly octets: string } | { readonly unknown: string } {
  let octets = "";
  for (const piece of template.pieces) {
    if (piece.kind === "octets") octets += piece.octets;
    else if (piece.kind === "anything") octets += "$*";
    else {
      const value = variables.get(piece.name);
      if (value === undefined) return { unknown: piece.name };
      octets += value;
    }
  }
  return { octets };
}

/**
 * Whether a line is what the template says. Variables without a value get one from it; they stand for
 * one or more octets that are no space, quote, parenthesis, bracket or angle bracket.
 */
export function matchTemplate(template: Template, line: string, variables: Variables): boolean {
  const captured: string[] = [];
  let pattern = "";
  for (const piece of template.pieces) {
    if (piece.kind === "octets") pattern += RegExp.escape(piece.octets);
    else if (piece.kind === "anything") pattern += ".*";
    else {
      const value = variables.get(piece.name);
      if (value !== undefined) pattern += RegExp.escape(value);
      else if (captured.includes(piece.name)) pattern += `\\k<${piece.name}>`;
      else {
        captured.push(piece.name);
        pattern += `(?<${piece.name}>[^ "()<>\\[\\]\\r\\n]+)`;
      }
    }
  }
  const match = new RegExp(`^${pattern}$`, "s").exec(line);
  if (match === null) return false;
  for (const name of captured) variables.set(name, match.groups?.[name] ?? "");
  return true;
}
