import { defineTest } from "../compile/definition.ts";

/** metadataexists: RFC 5490 §3.4. */
export const metadataexists = defineTest({
  name: "metadataexists",
  extension: "mboxmetadata",
  compile(args) {
    const mailbox = args.text("the name of a mailbox");
    const names = args.texts("names of annotations");
    args.end();
    return async (execution) => {
      for (const name of names.in(execution)) {
        execution.spend(10);
        const { mailboxes } = execution.surroundings;
        if ((await mailboxes?.annotation(mailbox.in(execution), name)) === undefined) return false;
      }
      return true;
    };
  },
});
