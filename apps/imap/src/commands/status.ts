import { formatStatus, readStatus, readStatusItems, serverStatus } from "../answers/status.ts";
import { defineCommand, loggedIn } from "../command.ts";
import { clientNameOf } from "../syntax/mailbox-hierarchy.ts";

/** STATUS: RFC 3501 §6.3.10. */
export const status = defineCommand({
  name: "STATUS",
  states: loggedIn,
  expunges: "tell",
  async run({ user }, args, session) {
    args.sp();
    const name = args.mailbox();
    args.sp();
    const items = readStatusItems(args);
    args.end();

    const found = await readStatus(user.mail, name, items);
    // RFC 7162 §3.1: whoever asks for a modseq wants to hear of them.
    if (items.includes("HIGHESTMODSEQ")) session.enable("CONDSTORE");
    const clientName = clientNameOf(name, user.mail.hierarchy);
    session.output.untagged(formatStatus(clientName, items, found, serverStatus(session)));
    return { text: "STATUS completed" };
  },
});
