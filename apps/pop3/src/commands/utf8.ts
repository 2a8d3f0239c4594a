import { authorization, defineCommand } from "../command.ts";

/**
 * UTF8: RFC 6856 §2.1. Messages are sent as they are in either mode, so there is nothing to switch: a
 * surrogate would be another message, and refusing one would keep a client from it for ever.
 */
export const utf8 = defineCommand({
  name: "UTF8",
  states: authorization,
  run(_state, args, session) {
    args.end();
    session.isUtf8 = true;
    return { text: "UTF-8 it is" };
  },
});
