import { defineCommand, loggedIn } from "../command.ts";
import { readNotifyArguments } from "../syntax/notify-arguments.ts";

/** NOTIFY: RFC 5465 §3.1. What has gathered in the selected mailbox is told with its OK, as by NOOP. */
export const notify = defineCommand({
  name: "NOTIFY",
  states: loggedIn,
  capability: "NOTIFY",
  expunges: "tell",
  isChange: true,
  async run(_state, args, session) {
    const request = readNotifyArguments(args);
    args.end();
    await session.notify(request);
    return { text: "NOTIFY completed" };
  },
});
