import { defineCommand, transaction } from "../command.ts";

/** RETR: RFC 1939 §5. A message that was sent whole is \Seen for IMAP clients. */
export const retr = defineCommand({
  name: "RETR",
  states: transaction,
  async run({ maildrop }, args) {
    const number = args.number("a message number");
    args.end();
    maildrop.require(number);
    const message = await maildrop.openMessage(number);
    return {
      text: `${message.sizeBytes} octets`,
      body: message.read(),
      resource: message,
      afterwards: () => maildrop.sawMessage(number),
    };
  },
});
