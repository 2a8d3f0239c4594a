import { defineTest } from "../compile/definition.ts";

/** mailboxexists: RFC 5490 §3.1. All of them have to be there. */
export const mailboxexists = defineTest({
  name: "mailboxexists",
  extension: "mailbox",
  compile(args) {
    const names = args.texts("names of mailboxes");
    args.end();
    return async (execution) => {
      for (const name of names.in(execution)) {
        execution.spend(10);
        if ((await execution.surroundings.mailboxes?.exists(name)) !== true) return false;
      }
      return true;
    };
  },
});
