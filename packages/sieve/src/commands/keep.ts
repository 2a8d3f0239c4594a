import { defineCommand } from "../compile/definition.ts";
import { parseFlags } from "../run/flags.ts";

/** keep: RFC 5228 §4.3, with :flags of RFC 5232 §5. */
export const keep = defineCommand({
  name: "keep",
  compile(args) {
    const flags = args.taggedTexts("flags", "imap4flags");
    args.end();
    return (execution) => {
      execution.act(
        {
          kind: "keep",
          ...execution.place,
          flags: flags === undefined ? execution.flags : parseFlags(flags.in(execution)),
          pieces: execution.message.pieces(),
          isImplicit: false,
        },
        true,
      );
      execution.tell("keeps the message in INBOX");
      return undefined;
    };
  },
});
