import { defineCommand, loggedIn } from "../command.ts";

/** SUBSCRIBE: RFC 3501 §6.3.6. */
export const subscribe = defineSubscribe({ name: "SUBSCRIBE", isSubscribed: true });
/** UNSUBSCRIBE: RFC 3501 §6.3.7. */
export const unsubscribe = defineSubscribe({ name: "UNSUBSCRIBE", isSubscribed: false });

function defineSubscribe(options: { readonly name: string; readonly isSubscribed: boolean }) {
  return defineCommand({
    name: options.name,
    states: loggedIn,
    expunges: "tell",
    async run({ user }, args, session) {
      args.sp();
      const mailboxName = args.mailbox();
      args.end();
      await user.mail.setSubscribed(mailboxName, options.isSubscribed);
      await session.noteOwn({ kind: "subscribed", name: mailboxName });
      return { text: `${options.name} completed` };
    },
  });
}
