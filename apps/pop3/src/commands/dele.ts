import { defineCommand, transaction } from "../command.ts";

/** DELE: RFC 1939 §5. Only marks; QUIT removes. */
export const dele = defineCommand({
  name: "DELE",
  states: transaction,
  run({ maildrop }, args) {
    const number = args.number("a message number");
    args.end();
    maildrop.require(number);
    maildrop.mark(number);
    return { text: `Message ${number} deleted` };
  },
});
