import { defineCommand } from "../command.ts";
import { deletedUids } from "./expunge.ts";

/** CLOSE: RFC 3501 §6.4.2. Expunges without saying so, but for a mailbox that was examined. */
export const close = defineCommand({
  name: "CLOSE",
  states: ["selected"],
  expunges: "hold",
  async run({ user, selected }, args) {
    args.end();
    // RFC 4314 §4: without the right to expunge it is closed all the same.
    if (!selected.mailbox.isReadOnly && selected.mailbox.may("e")) {
      const uids = deletedUids(selected);
      if (uids.length > 0) await selected.mailbox.expunge(uids, { ifDeleted: true });
    }
    return { text: "CLOSE completed", state: { name: "authenticated", user } };
  },
});
