import { defineTest } from "../compile/definition.ts";

/** valid_ext_list: whether these lists are there, all of them. */
export const validExtList = defineTest({
  name: "valid_ext_list",
  extension: "extlists",
  compile(args) {
    const names = args.texts("names of lists");
    args.end();
    return async (execution) => {
      const { lists } = execution.surroundings;
      for (const name of names.in(execution)) {
        if ((await lists?.isValid(name)) !== true) return false;
      }
      return true;
    };
  },
});
