import { limits } from "../limits.ts";
import type { Captures } from "../matching/wildcards.ts";

/** The variables of one script (RFC 5229 §3), and those that included scripts share (RFC 6609 §3.4). */
export class Variables {
  readonly #own = new Map<string, string>();
  readonly #global: Map<string, string>;
  /** Names that this script declared with `global`. */
  readonly #declared = new Set<string>();
  #captures: Captures = [];

  constructor(global = new Map<string, string>()) {
    this.#global = global;
  }

  /** Those of an included script: its own, and the shared ones. */
  forIncluded(): Variables {
    return new Variables(this.#global);
  }

  /** False where the script has set it for itself already (RFC 6609 §3.4.1). */
  declareGlobal(name: string): boolean {
    if (this.#own.has(name)) return false;
    this.#declared.add(name);
    return true;
  }

  get(name: string): string {
    if (name.startsWith(globalNamespace)) {
      return this.#global.get(name.slice(globalNamespace.length)) ?? "";
    }
    return (this.#declared.has(name) ? this.#global : this.#own).get(name) ?? "";
  }

  /** RFC 5229 §6: what is too long is cut off and no error. False when there are too many. */
  set(name: string, value: string): boolean {
    const isGlobal = name.startsWith(globalNamespace) || this.#declared.has(name);
    const map = isGlobal ? this.#global : this.#own;
    const key = name.startsWith(globalNamespace) ? name.slice(globalNamespace.length) : name;
    if (!map.has(key) && map.size >= limits.variablesMax) return false;
    map.set(key, truncate(value, limits.variableCharactersMax));
    return true;
  }

  /** ${0} and so on: what the last successful match found. */
  capture(index: number): string {
    return this.#captures[index] ?? "";
  }

  get captures(): Captures {
    return this.#captures;
  }

  setCaptures(captures: Captures): void {
    this.#captures = captures
      .slice(0, limits.matchVariablesMax)
      .map((text) => truncate(text, limits.variableCharactersMax));
  }
}

const globalNamespace = "global.";

/** Not in the middle of a character. */
export function truncate(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const last = text.charCodeAt(charactersMax - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? charactersMax - 1 : charactersMax);
}
