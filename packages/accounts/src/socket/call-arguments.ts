import { DirectoryError } from "../directory-error.ts";

/** Reads the arguments of one call. Whatever is not as asked for is a "bad-request" that names it. */
export class CallArguments {
  readonly #params: Readonly<Record<string, unknown>>;

  constructor(params: Readonly<Record<string, unknown>>) {
    this.#params = params;
  }

  string(name: string, charsMax: number): string {
    const value = this.#get(name);
    if (typeof value !== "string") throw this.#wrong(name, "has to be a string");
    // A lone surrogate is no character: two different names could become one in UTF-8.
    if (!value.isWellFormed()) throw this.#wrong(name, "is not Unicode text");
    if (value.length > charsMax) throw this.#wrong(name, `is longer than ${charsMax} characters`);
    return value;
  }

  optionalString(name: string, charsMax: number): string | undefined {
    return this.#get(name) === undefined ? undefined : this.string(name, charsMax);
  }

  strings(
    name: string,
    options: { readonly countMax: number; readonly charsMax: number },
  ): string[] {
    const value = this.#get(name);
    if (!Array.isArray(value)) throw this.#wrong(name, "has to be a list");
    if (value.length > options.countMax) {
      throw this.#wrong(name, `has more than ${options.countMax} entries`);
    }
    return value.map((entry: unknown) =>
      new CallArguments({ [name]: entry }).string(name, options.charsMax),
    );
  }

  /** A whole number from 0, null, or undefined when it is left out. */
  optionalCount(name: string): number | null | undefined {
    const value = this.#get(name);
    if (value === undefined || value === null) return value;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#wrong(name, "has to be a whole number from 0, or null");
  }

  flag(name: string): boolean {
    const value = this.#get(name) ?? false;
    if (typeof value !== "boolean") throw this.#wrong(name, "has to be true or false");
    return value;
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const value = this.#get(name);
    const choice = choices.find((one) => one === value);
    if (choice === undefined) throw this.#wrong(name, `has to be one of ${choices.join(", ")}`);
    return choice;
  }

  has(name: string): boolean {
    return this.#get(name) !== undefined;
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.#params, name) ? this.#params[name] : undefined;
  }

  #wrong(name: string, what: string): DirectoryError {
    return new DirectoryError("bad-request", `"${name}" ${what}`);
  }
}
