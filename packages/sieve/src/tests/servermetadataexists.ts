import { defineTest } from "../compile/definition.ts";

/** servermetadataexists: RFC 5490 §4.2. */
export const servermetadataexists = defineTest({
  name: "servermetadataexists",
  extension: "servermetadata",
  compile(args) {
    const names = args.texts("names of annotations");
    args.end();
    return async (execution) => {
      for (const name of names.in(execution)) {
        execution.spend(10);
        const { mailboxes } = execution.surroundings;
        if ((await mailboxes?.annotation(undefined, name)) === undefined) return false;
      }
      return true;
    };
  },
});
