import { formatStatus, readStatus, readStatusItems } from "../answers/status.ts";
import { defineCommand, loggedIn } from "../command.ts";
import { clientNameOf } from "../syntax/mailbox-hierarchy.ts";

/** STATUS: RFC 3501 §6.3.10. */
export const status = defineCommand({
  name: "STATUS",
  states: loggedIn,
  expunges: "tell",
  async run({ user }, args, { output }) {
    args.sp();
    const name = args.mailbox();
    args.sp();
    const items = readStatusItems(args);
    args.end();

    const found = await readStatus(user.mail, name, items);
    output.untagged(formatStatus(clientNameOf(name, user.mail.hierarchy), items, found));
    return { text: "STATUS completed" };
  },
});
