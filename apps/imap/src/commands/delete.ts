import { defineCommand, loggedIn } from "../command.ts";

/** DELETE: RFC 3501 §6.3.4. */
export const deleteMailbox = defineCommand({
  name: "DELETE",
  states: loggedIn,
  expunges: "tell",
  async run(state, args) {
    args.sp();
    const name = args.mailbox();
    args.end();
    const { user } = state;
    await user.mail.deleteMailbox(name);
    // Whoever deletes what it has selected has nothing selected; other sessions are told BYE.
    const isSelected = state.name === "selected" && state.selected.mailbox.name === name;
    return {
      text: "DELETE completed",
      ...(isSelected && { state: { name: "authenticated", user } }),
    };
  },
});
