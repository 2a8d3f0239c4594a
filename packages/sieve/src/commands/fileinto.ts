import { defineCommand } from "../compile/definition.ts";
import { parseFlags } from "../run/flags.ts";
import { describeDestination, readDestination } from "./destination.ts";

/** fileinto: RFC 5228 §4.1; :copy of RFC 3894, :flags of RFC 5232 §5, :create of RFC 5490 §3.2. */
export const fileinto = defineCommand({
  name: "fileinto",
  extension: "fileinto",
  compile(args) {
    const isCopy = args.flag("copy", "copy");
    const flags = args.taggedTexts("flags", "imap4flags");
    const destinationOf = readDestination(args);
    const mailbox = args.text("the name of a mailbox");
    args.end();
    return (execution) => {
      const destination = destinationOf(mailbox.in(execution), execution);
      if (destination.mailbox === "")
        throw execution.error("the name of a mailbox cannot be empty");
      execution.act(
        {
          kind: "fileinto",
          ...execution.place,
          destination,
          flags: flags === undefined ? execution.flags : parseFlags(flags.in(execution)),
          pieces: execution.message.pieces(),
        },
        !isCopy,
      );
      execution.tell(
        `files ${isCopy ? "a copy" : "the message"} into ${describeDestination(destination)}`,
      );
      return undefined;
    };
  },
});
