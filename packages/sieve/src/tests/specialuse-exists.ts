import { defineTest } from "../compile/definition.ts";

/** specialuse_exists: whether mailboxes have these special uses (RFC 6154 §2); or one mailbox has all. */
export const specialuseExists = defineTest({
  name: "specialuse_exists",
  extension: "special-use",
  compile(args) {
    const mailbox = args.positionalCount > 1 ? args.text("the name of a mailbox") : undefined;
    const uses = args.texts("special uses");
    args.end();
    return async (execution) => {
      const name = mailbox?.in(execution);
      for (const use of uses.in(execution)) {
        execution.spend(10);
        const { mailboxes } = execution.surroundings;
        if ((await mailboxes?.hasSpecialUse(use, name)) !== true) return false;
      }
      return true;
    };
  },
});
