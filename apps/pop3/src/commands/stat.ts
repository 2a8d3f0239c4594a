import { defineCommand, transaction } from "../command.ts";

/** STAT: RFC 1939 §5. */
export const stat = defineCommand({
  name: "STAT",
  states: transaction,
  run({ maildrop }, args) {
    args.end();
    return { text: `${maildrop.messageCount} ${maildrop.sizeBytes}` };
  },
});
