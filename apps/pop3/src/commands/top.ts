import { defineCommand, transaction } from "../command.ts";
import { messageTop } from "../message-top.ts";

/** TOP: RFC 1939 §7. Looking is not reading: \Seen stays as it is. */
export const top = defineCommand({
  name: "TOP",
  states: transaction,
  async run({ maildrop }, args) {
    const number = args.number("a message number");
    const bodyLines = args.number("a number of lines");
    args.end();
    maildrop.require(number);
    const message = await maildrop.openMessage(number);
    return {
      text: "Top of message follows",
      body: messageTop(message.read(), bodyLines),
      resource: message,
    };
  },
});
