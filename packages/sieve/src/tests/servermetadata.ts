import { defineTest } from "../compile/definition.ts";

/** servermetadata: RFC 5490 §4.1. */
export const servermetadata = defineTest({
  name: "servermetadata",
  extension: "servermetadata",
  compile(args) {
    const matching = args.matching();
    const name = args.text("the name of an annotation");
    const keys = args.keys(matching);
    args.end();
    return async (execution) => {
      execution.spend(10);
      const { mailboxes } = execution.surroundings;
      const value = await mailboxes?.annotation(undefined, name.in(execution));
      return value !== undefined && (await keys(execution).matches([value], execution));
    };
  },
});
