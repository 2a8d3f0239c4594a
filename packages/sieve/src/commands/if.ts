import { ArgumentReader } from "../compile/argument-reader.ts";
import type { Check, Step } from "../compile/definition.ts";
import { CompileProblem, type ScriptScope } from "../compile/script-scope.ts";
import type { CommandNode } from "../language/syntax-tree.ts";
import { holds, runSteps } from "../run/run-steps.ts";

interface Branch {
  /** Undefined for else. */
  readonly check: Check | undefined;
  readonly block: readonly Step[];
}

export const isBranch = (name: string | undefined): boolean => name === "elsif" || name === "else";

/** if, elsif, else: RFC 5228 §3.1. An `if` and what follows it are one step. */
export function compileIf(nodes: readonly CommandNode[], scope: ScriptScope): Step {
  const branches = nodes.map((node, at): Branch => {
    const args = new ArgumentReader(node, scope);
    if (node.name !== "else") {
      const check = args.test();
      args.end({ tests: true, block: true });
      return { check, block: args.block() };
    }
    if (at < nodes.length - 1) throw new CompileProblem("nothing may follow else", node.place);
    args.end({ block: true });
    return { check: undefined, block: args.block() };
  });
  return {
    name: "if",
    place: nodes[0]?.place ?? { line: 1, column: 1 },
    async run(execution) {
      for (const { check, block } of branches) {
        if (check !== undefined) {
          const result = holds(check, execution);
          if (!(result instanceof Promise ? await result : result)) continue;
        }
        return await runSteps(block, execution);
      }
      return undefined;
    },
  };
}
