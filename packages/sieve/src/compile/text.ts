import { limits } from "../limits.ts";
import type { Execution } from "../run/execution.ts";
import { truncate } from "../run/variables.ts";

/** A string of a script: as it stands there, or to be filled in when it is needed (RFC 5229 §3). */
export interface Text {
  /** Undefined where there are variables in it. */
  readonly constant: string | undefined;
  in(execution: Execution): string;
}

export interface Texts {
  /** Undefined where there are variables in any. */
  readonly constants: readonly string[] | undefined;
  readonly isList: boolean;
  in(execution: Execution): readonly string[];
}

export const constantText = (text: string): Text => ({ constant: text, in: () => text });

export function textsOf(texts: readonly Text[], isList: boolean): Texts {
  const constants = texts.map(({ constant }) => constant).filter((one) => one !== undefined);
  if (constants.length === texts.length) {
    return { constants, isList, in: () => constants };
  }
  return {
    constants: undefined,
    isList,
    in: (execution) => texts.map((text) => text.in(execution)),
  };
}

/** What is wrong with a reference to a variable. */
export class VariableProblem extends Error {}

/** "${" identifier *( "." identifier ) "}", or digits: all else stays as it is (RFC 5229 §3). */
const reference = /\$\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_0-9][A-Za-z0-9_]*)*|[0-9]+)\}/g;

/** A string with references to variables. Throws VariableProblem. */
export function variableText(text: string, namespaces: ReadonlySet<string>): Text {
  const pieces: (string | ((execution: Execution) => string))[] = [];
  let at = 0;
  for (const match of text.matchAll(reference)) {
    const [whole, name = ""] = match;
    if (match.index > at) pieces.push(text.slice(at, match.index));
    pieces.push(variable(name.toLowerCase(), namespaces));
    at = match.index + whole.length;
  }
  if (pieces.length === 0) return constantText(text);
  if (at < text.length) pieces.push(text.slice(at));
  return {
    constant: undefined,
    in(execution) {
      let value = "";
      for (const piece of pieces) value += typeof piece === "string" ? piece : piece(execution);
      execution.spend(1 + (value.length >> 8));
      return truncate(value, limits.textCharactersMax);
    },
  };
}

function variable(name: string, namespaces: ReadonlySet<string>): (execution: Execution) => string {
  if (/^[0-9]/.test(name)) {
    const index = Number(name);
    if (index >= limits.matchVariablesMax) {
      throw new VariableProblem(`there are match variables up to \${9} only`);
    }
    return ({ variables }) => variables.capture(index);
  }
  const dot = name.indexOf(".");
  if (dot !== -1 && !namespaces.has(name.slice(0, dot))) {
    throw new VariableProblem(`unknown namespace of variables "${name.slice(0, dot)}"`);
  }
  return ({ variables }) => variables.get(name);
}

/** Whether a name can be that of a variable (RFC 5229 §3). */
export const isVariableName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);

const hexRun = /(?:\$\{hex:[ \t\r\n]*[0-9a-f]{1,2}(?:[ \t\r\n]+[0-9a-f]{1,2})*[ \t\r\n]*\})+/gi;
const hexPair = /[0-9a-f]{1,2}(?=[ \t\r\n}])/gi;
const unicodeArm = /\$\{unicode:([ \t\r\n]*[0-9a-f]+(?:[ \t\r\n]+[0-9a-f]+)*[ \t\r\n]*)\}/gi;

/** What `encoded-character` writes as numbers (RFC 5228 §2.4.2.4). Throws VariableProblem. */
export function decodeCharacters(text: string): string {
  if (!text.includes("${")) return text;
  const decoded = text.replace(hexRun, (run) => {
    const octets = Array.from(run.matchAll(hexPair), ([pair]) => Number.parseInt(pair, 16));
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        new Uint8Array(octets),
      );
    } catch {
      throw new VariableProblem("these octets are no UTF-8");
    }
  });
  return decoded.replace(unicodeArm, (_arm, numbers: string) => {
    const codes = numbers
      .trim()
      .split(/[ \t\r\n]+/)
      .map((number) => Number.parseInt(number, 16));
    if (codes.some((code) => code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))) {
      throw new VariableProblem("there is no such character");
    }
    return String.fromCodePoint(...codes);
  });
}
