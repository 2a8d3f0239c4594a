import { createHash } from "node:crypto";
import { compileIf, isBranch } from "../commands/if.ts";
import { commands } from "../commands.ts";
import { extensions as allExtensions } from "../extensions.ts";
import { parseScript } from "../language/parser.ts";
import type { CommandNode, TestNode } from "../language/syntax-tree.ts";
import { limits } from "../limits.ts";
import type { Execution } from "../run/execution.ts";
import { type Place, type Problem, SieveScriptError } from "../sieve-error.ts";
import { tests } from "../tests.ts";
import { ArgumentReader } from "./argument-reader.ts";
import type { Check, CommandDefinition, Step, TestDefinition } from "./definition.ts";
import type { Program } from "./program.ts";
import { CompileProblem, type ScriptScope } from "./script-scope.ts";
import { warningsOf } from "./warnings.ts";

export interface CompileOptions {
  /** Extensions that may be required; all that there are, when it is left out. */
  readonly extensions?: ReadonlySet<string>;
}

/** Checks a script and makes a program of it. Throws SieveScriptError with all that is wrong with it. */
export function compileScript(script: Uint8Array, options: CompileOptions = {}): Program {
  const { commands: nodes, problems } = parseScript(textOf(script));
  const compiler = new Compiler(script, options.extensions ?? new Set(allExtensions.keys()));
  const steps = compiler.compileTopLevel(nodes);
  const all = [...problems, ...compiler.problems]
    .toSorted((one, other) => one.line - other.line || one.column - other.column)
    .slice(0, limits.problemsMax);
  if (all.length > 0) throw new SieveScriptError(all);
  return {
    steps,
    required: compiler.required,
    hash: createHash("sha256").update(script).digest("hex"),
    warnings: warningsOf(nodes),
  };
}

/** RFC 5228 §2.1: a script is UTF-8. */
function textOf(script: Uint8Array): string {
  if (script.length > limits.scriptBytesMax) {
    const message = `the script is larger than ${limits.scriptBytesMax} octets`;
    throw new SieveScriptError([{ line: 1, column: 1, message }]);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(script);
  } catch {
    throw new SieveScriptError([firstBadOctet(script)]);
  }
}

function firstBadOctet(script: Uint8Array): Problem {
  const lines = new TextDecoder("utf-8").decode(script).split("\n");
  const at = lines.findIndex((line) => line.includes("\ufffd"));
  const column = Array.from(lines[at] ?? "").indexOf("\ufffd") + 1;
  return { line: at + 1, column: Math.max(column, 1), message: "the script is no UTF-8 here" };
}

class Compiler implements ScriptScope {
  readonly source: Uint8Array;
  readonly required = new Set<string>();
  readonly available: ReadonlySet<string>;
  readonly loops: (string | undefined)[] = [];
  readonly problems: Problem[] = [];
  isLenient = false;

  constructor(source: Uint8Array, available: ReadonlySet<string>) {
    this.source = source;
    this.available = available;
  }

  compileTopLevel(nodes: readonly CommandNode[]): readonly Step[] {
    // RFC 5228 §3.2: require comes first.
    const first = nodes.findIndex(({ name }) => name !== "require");
    const head = first === -1 ? nodes : nodes.slice(0, first);
    const rest = first === -1 ? [] : nodes.slice(first);
    for (const node of head) this.#recovering(() => this.#require(node));
    return this.compileBlock(rest);
  }

  compileBlock(nodes: readonly CommandNode[]): readonly Step[] {
    const steps: Step[] = [];
    for (let at = 0; at < nodes.length; ) {
      const node = nodes[at];
      if (node === undefined) break;
      // if, elsif and else are one step.
      let next = at + 1;
      if (node.name === "if") while (isBranch(nodes[next]?.name)) next += 1;
      const compiled = this.#recovering(() => this.#compile(node, nodes.slice(at, next)));
      if (compiled !== undefined) steps.push(compiled);
      at = next;
    }
    return steps;
  }

  compileTest(node: TestNode): Check {
    const { name, place } = node;
    return this.#orWhenRun(place, name, () => {
      const definition = tests.get(name);
      if (definition === undefined) {
        throw new CompileProblem(
          commands.has(name) ? `"${name}" is a command and no test` : `unknown test "${name}"`,
          place,
        );
      }
      const args = new ArgumentReader(node, this);
      this.#requireOneOf(definition, args);
      const run = definition.compile(args);
      return { name, place, run };
    });
  }

  #compile(node: CommandNode, branches: readonly CommandNode[]): Step {
    const { name, place } = node;
    return this.#orWhenRun(place, name, (): Step => {
      if (name === "if") return compileIf(branches, this);
      if (name === "require") {
        throw new CompileProblem("require must stand before all other commands", place);
      }
      const definition = commands.get(name);
      if (definition === undefined) {
        throw new CompileProblem(
          tests.has(name) ? `"${name}" is a test and no command` : unknownCommand(name),
          place,
        );
      }
      const args = new ArgumentReader(node, this);
      this.#requireOneOf(definition, args);
      return { name, place, run: definition.compile(args) };
    });
  }

  /** RFC 5463 §4: what an `ihave` was false for is no error before it is reached. */
  #orWhenRun<T>(place: Place, name: string, compile: () => T): T | FailsWhenRun {
    try {
      return compile();
    } catch (error) {
      if (!(error instanceof CompileProblem) || !this.isLenient) throw error;
      const { message } = error;
      return {
        name,
        place,
        run: (execution) => {
          throw execution.error(message);
        },
      };
    }
  }

  #requireOneOf({ extension }: CommandDefinition | TestDefinition, args: ArgumentReader): void {
    if (extension === undefined) return;
    const choices = typeof extension === "string" ? [extension] : extension;
    if (choices.some((choice) => this.required.has(choice))) return;
    args.requires(choices[0] ?? "");
  }

  #require(node: CommandNode): void {
    const args = new ArgumentReader(node, this);
    const names = args.constants("the names of extensions");
    args.end();
    for (const name of names) {
      if (this.available.has(name)) {
        this.required.add(name);
        for (const implied of allExtensions.get(name)?.implies ?? []) this.required.add(implied);
      } else {
        const why = allExtensions.has(name) ? "can only be used at delivery" : "is not supported";
        this.#report(`the extension "${name}" ${why}`, node.place);
      }
    }
  }

  #recovering<T>(compile: () => T): T | undefined {
    try {
      return compile();
    } catch (error) {
      if (!(error instanceof CompileProblem)) throw error;
      this.#report(error.message, error.place);
      return undefined;
    }
  }

  #report(message: string, { line, column }: Place): void {
    if (this.problems.length < limits.problemsMax) this.problems.push({ line, column, message });
  }
}

interface FailsWhenRun {
  readonly name: string;
  readonly place: Place;
  readonly run: (execution: Execution) => never;
}

function unknownCommand(name: string): string {
  return isBranch(name) ? `"${name}" must follow an if or elsif` : `unknown command "${name}"`;
}
