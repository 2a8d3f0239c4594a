import { systemFlagBits } from "@posthouse/mailbox-store";
import { defineCommand, loggedIn } from "../command.ts";
import { CommandFailure } from "../response.ts";
import { SelectedMailbox } from "../selected-mailbox.ts";

/** SELECT: RFC 3501 §6.3.1. */
export const select = defineSelect({ name: "SELECT", readOnly: false });
/** EXAMINE: RFC 3501 §6.3.2. */
export const examine = defineSelect({ name: "EXAMINE", readOnly: true });

function defineSelect({ name, readOnly }: { readonly name: string; readonly readOnly: boolean }) {
  return defineCommand({
    name,
    states: loggedIn,
    expunges: "hold",
    isLeaving: true,
    async run({ user }, args, session) {
      args.sp();
      const mailboxName = args.mailboxOrRefusal();
      args.end();

      // §6.3.1: also when the new one cannot be had, the old one is no longer selected.
      await session.deselect();
      if (mailboxName instanceof CommandFailure) throw mailboxName;
      const mailbox = await user.mail.openMailbox(mailboxName, { readOnly });
      const selected = await SelectedMailbox.open(mailbox);
      const { output } = session;
      selected.tellFirst(output);
      const unseen = firstUnseen(selected);
      if (unseen !== undefined) output.untagged(`OK [UNSEEN ${unseen}] First unseen message`);
      output.untagged(`OK [UIDVALIDITY ${mailbox.uidValidity}] UIDs valid`);
      output.untagged(`OK [UIDNEXT ${mailbox.uidNext}] Predicted next UID`);
      return {
        text: `${name} completed`,
        code: mailbox.isShownReadOnly ? "READ-ONLY" : "READ-WRITE",
        state: { name: "selected", user, selected },
      };
    },
  });
}

function firstUnseen({ view }: SelectedMailbox): number | undefined {
  const { systemFlags } = view.columns;
  const row = systemFlags.findIndex((bits) => (bits & systemFlagBits["\\Seen"]) === 0);
  return row === -1 ? undefined : row + 1;
}
