import { defineCommand, transaction } from "../command.ts";
import { listing } from "../listing.ts";

/** UIDL: RFC 1939 §7. */
export const uidl = defineCommand({
  name: "UIDL",
  states: transaction,
  run({ maildrop }, args) {
    const uniqueIdOf = (number: number) => maildrop.uniqueIdOf(number);
    return listing(maildrop, args, { describe: uniqueIdOf, heading: "Unique-ids follow" });
  },
});
