import type { Check, Step } from "../compile/definition.ts";
import type { Execution } from "./execution.ts";
import type { Flow, MaybePromise } from "./flow.ts";

/** Runs commands one after the other, up to the first that says where to go on instead. */
export async function runSteps(steps: readonly Step[], execution: Execution): Promise<Flow> {
  for (const step of steps) {
    execution.place = step.place;
    execution.spend(1);
    const result = step.run(execution);
    const flow = result instanceof Promise ? await result : result;
    if (flow !== undefined) return flow;
  }
  return undefined;
}

/** Whether a test holds; and tells so, where somebody wants to know. */
export function holds(check: Check, execution: Execution): MaybePromise<boolean> {
  execution.place = check.place;
  execution.spend(1);
  const result = check.run(execution);
  if (!execution.isTracing) return result;
  const tell = (isTrue: boolean): boolean => {
    execution.tell(`${check.name} is ${isTrue ? "true" : "false"}`, check.place);
    return isTrue;
  };
  return result instanceof Promise ? result.then(tell) : tell(result);
}
