import { defineTest } from "../compile/definition.ts";

/** environment: RFC 5183 §4. An item that is not known makes the test fail, and is no error. */
export const environment = defineTest({
  name: "environment",
  extension: "environment",
  compile(args) {
    const matching = args.matching();
    const name = args.text("the name of an item");
    const keys = args.keys(matching);
    args.end();
    return (execution) => {
      const value = execution.surroundings.environment?.get(name.in(execution).toLowerCase());
      if (value === undefined) return false;
      const values = matching.type.kind === "count" && value === "" ? [] : [value];
      return keys(execution).matches(values, execution);
    };
  },
});
