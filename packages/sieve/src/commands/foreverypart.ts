import type { MessagePart } from "@posthouse/message";
import { defineCommand } from "../compile/definition.ts";
import { runSteps } from "../run/run-steps.ts";

/** foreverypart: a loop over the parts of the message, or of the part that the loop around is at. */
export const foreverypart = defineCommand({
  name: "foreverypart",
  extension: "foreverypart",
  compile(args) {
    const name = args.taggedConstant("name");
    args.end({ block: true });
    const { loops } = args.scope;
    loops.push(name);
    let block: ReturnType<typeof args.block>;
    try {
      block = args.block();
    } finally {
      loops.pop();
    }
    return async (execution) => {
      const depth = execution.parts.length;
      const around = execution.parts.at(-1) ?? (await execution.message.parts());
      const parts = depth === 0 ? everyPart(around) : everyPart(around).slice(1);
      for (const part of parts) {
        execution.spend(1);
        execution.parts.push(part);
        execution.tell(`at the part ${part.type}/${part.subtype}`);
        const flow = await runSteps(block, execution);
        execution.parts.length = depth;
        if (typeof flow === "object" && flow.breaks === depth) break;
        if (flow !== undefined) return flow;
      }
      if (depth === 0) await execution.message.settle();
      return undefined;
    };
  },
});

/** The part itself and everything inside, each before what is inside of it. */
function everyPart(part: MessagePart): MessagePart[] {
  return [part, ...part.children.flatMap(everyPart)];
}
