import { defineTest } from "../compile/definition.ts";

/** mailboxidexists: whether there are mailboxes of these ids (RFC 8474 §4), all of them. */
export const mailboxidexists = defineTest({
  name: "mailboxidexists",
  extension: "mailboxid",
  compile(args) {
    const ids = args.texts("ids of mailboxes");
    args.end();
    return async (execution) => {
      for (const id of ids.in(execution)) {
        execution.spend(10);
        if ((await execution.surroundings.mailboxes?.existsId(id)) !== true) return false;
      }
      return true;
    };
  },
});
