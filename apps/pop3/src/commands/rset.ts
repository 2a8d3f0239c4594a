import { defineCommand, transaction } from "../command.ts";

/** RSET: RFC 1939 §5. */
export const rset = defineCommand({
  name: "RSET",
  states: transaction,
  run({ maildrop }, args) {
    args.end();
    maildrop.unmarkAll();
    return { text: `The maildrop has ${maildrop.summary}` };
  },
});
