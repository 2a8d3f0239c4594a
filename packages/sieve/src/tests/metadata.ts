import { defineTest } from "../compile/definition.ts";

/** metadata: RFC 5490 §3.3. */
export const metadata = defineTest({
  name: "metadata",
  extension: "mboxmetadata",
  compile(args) {
    const matching = args.matching();
    const mailbox = args.text("the name of a mailbox");
    const name = args.text("the name of an annotation");
    const keys = args.keys(matching);
    args.end();
    return async (execution) => {
      execution.spend(10);
      const { mailboxes } = execution.surroundings;
      const value = await mailboxes?.annotation(mailbox.in(execution), name.in(execution));
      return value !== undefined && (await keys(execution).matches([value], execution));
    };
  },
});
