import { defineTest } from "../compile/definition.ts";

/** string: RFC 5229 §5. */
export const string = defineTest({
  name: "string",
  extension: "variables",
  compile(args) {
    const matching = args.matching();
    const sources = args.texts("texts to look at");
    const keys = args.keys(matching);
    args.end();
    return (execution) => {
      const values = sources.in(execution);
      const counted =
        matching.type.kind === "count" ? values.filter((value) => value !== "") : values;
      return keys(execution).matches(counted, execution);
    };
  },
});
