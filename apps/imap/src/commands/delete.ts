import { StoreError } from "@posthouse/mailbox-store";
import { defineCommand, loggedIn } from "../command.ts";
import { no } from "../response.ts";
import type { States } from "../state.ts";

/** DELETE: RFC 3501 §6.3.4. */
export const deleteMailbox = defineCommand({
  name: "DELETE",
  states: loggedIn,
  expunges: "tell",
  async run(state, args, session) {
    args.sp();
    const name = args.mailbox();
    args.end();
    const { user } = state;
    const isSelected = state.name === "selected" && (await isNameOf(state, name));
    await user.mail.deleteMailbox(name).catch((error: unknown) => explain(error, name));
    await session.noteOwn({ kind: "deleted", name });
    // Whoever deletes what it has selected has nothing selected; other sessions are told BYE.
    return {
      text: "DELETE completed",
      ...(isSelected && { state: { name: "authenticated", user } }),
    };
  },
});

/** RFC 9051 §6.3.5: besides INBOX, that is a name which only has others below it. */
function explain(error: unknown, name: string): never {
  if (error instanceof StoreError && error.code === "not-permitted" && name !== "INBOX") {
    throw no("HASCHILDREN", "It is only the parent of other mailboxes");
  }
  throw error;
}

/** Whether the selected mailbox has that name now: RENAME may have given it another one since. */
async function isNameOf({ user, selected }: States["selected"], name: string): Promise<boolean> {
  const found = (await user.mail.listMailboxes()).find((mailbox) => mailbox.name === name);
  return found?.mailboxId === selected.mailbox.mailboxId;
}
