import { defineCommand, loggedIn } from "../command.ts";

/** RENAME: RFC 3501 §6.3.5. */
export const rename = defineCommand({
  name: "RENAME",
  states: loggedIn,
  expunges: "tell",
  async run({ user }, args, session) {
    args.sp();
    const from = args.mailbox();
    args.sp();
    const to = args.mailboxToCreate();
    args.end();
    await user.mail.renameMailbox(from, to);
    await session.noteOwn({ kind: "renamed", from, to });
    return { text: "RENAME completed" };
  },
});
