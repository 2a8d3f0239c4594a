import { defineCommand, loggedIn } from "../command.ts";
import { limits } from "../limits.ts";
import { bad } from "../response.ts";
import { removeKey, resetKey } from "../url-keys.ts";
import { readMechanism } from "./genurlauth.ts";

/** RESETKEY: RFC 4467. Revokes what GENURLAUTH made: for one mailbox with a new key, for all without any. */
export const resetKeyCommand = defineCommand({
  name: "RESETKEY",
  states: loggedIn,
  capability: "URLAUTH",
  expunges: "tell",
  async run({ user }, args) {
    if (args.isAtEnd) {
      for (const { name, exists } of await user.mail.listMailboxes()) {
        if (exists) await removeKey(user.mail, name);
      }
      return { text: "RESETKEY completed" };
    }
    args.sp();
    const name = args.mailbox();
    for (let mechanisms = 0; !args.isAtEnd; mechanisms += 1) {
      if (mechanisms >= limits.urlsMax) throw bad("Too many mechanisms", "LIMIT");
      args.sp();
      readMechanism(args);
    }
    await resetKey(user.mail, name);
    return { text: "RESETKEY completed", code: "URLMECH INTERNAL" };
  },
});
