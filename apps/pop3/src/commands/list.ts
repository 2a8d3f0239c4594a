import { defineCommand, transaction } from "../command.ts";
import { listing } from "../listing.ts";

/** LIST: RFC 1939 §5. */
export const list = defineCommand({
  name: "LIST",
  states: transaction,
  run({ maildrop }, args) {
    const sizeOf = (number: number) => maildrop.sizeOf(number);
    return listing(maildrop, args, { describe: sizeOf, heading: maildrop.summary });
  },
});
