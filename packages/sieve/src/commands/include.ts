import { defineCommand } from "../compile/definition.ts";
import { limits } from "../limits.ts";
import type { Execution } from "../run/execution.ts";
import type { Flow } from "../run/flow.ts";
import { runSteps } from "../run/run-steps.ts";
import { isScriptName } from "../script-name.ts";
import { SieveScriptError } from "../sieve-error.ts";

/** include: RFC 6609 §3.2. */
export const include = defineCommand({
  name: "include",
  extension: "include",
  compile(args) {
    const location = args.oneOf(["personal", "global"]) ?? "personal";
    const isOnce = args.flag("once");
    const isOptional = args.flag("optional");
    const name = args.constant("the name of a script");
    args.end();
    if (!isScriptName(name)) throw args.problem(`"${name}" cannot be the name of a script`);
    return async (execution) => {
      const id = `${location}:${name}`;
      if (isOnce && execution.included.has(id)) return undefined;
      if (execution.includes.includes(id)) throw execution.error(`"${name}" includes itself`);
      if (execution.includes.length >= limits.includeDepthMax) {
        throw execution.error(
          `scripts include each other more than ${limits.includeDepthMax} deep`,
        );
      }
      execution.countInclude();
      const script = await execution.surroundings.scripts?.load(location, name);
      if (script === undefined) {
        if (isOptional) return undefined;
        throw execution.error(`there is no ${location} script "${name}" to include`);
      }
      execution.tell(`includes the ${location} script "${name}"`);
      return await runIncluded(id, name, script, execution);
    };
  },
});

async function runIncluded(
  id: string,
  name: string,
  script: Uint8Array,
  execution: Execution,
): Promise<Flow> {
  const { place, script: outer, variables } = execution;
  const program = compileIncluded(name, script, execution);
  execution.included.add(id);
  execution.includes.push(id);
  execution.script = name;
  execution.variables = variables.forIncluded();
  const flow = await runSteps(program.steps, execution);
  execution.variables = variables;
  execution.script = outer;
  execution.place = place;
  execution.includes.pop();
  // "return" ends the included script alone; "stop" ends all (RFC 6609 §3.3).
  return flow === "stop" ? "stop" : undefined;
}

function compileIncluded(name: string, script: Uint8Array, execution: Execution) {
  try {
    return execution.compile(script);
  } catch (error) {
    if (!(error instanceof SieveScriptError)) throw error;
    const [problem] = error.problems;
    const where = problem === undefined ? "" : `, line ${problem.line}: ${problem.message}`;
    throw execution.error(`the script "${name}" has an error${where}`);
  }
}
