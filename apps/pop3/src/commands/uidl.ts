import { defineCommand, transaction } from "../command.ts";
import { listing } from "../listing.ts";

/** UIDL: RFC 1939 §7. */
export const uidl = defineCommand({
  name: "UIDL",
  states: transaction,
  async run({ maildrop }, args, { services }) {
    const uniqueIdOf = await maildrop.uniqueIds(services.uidlFormat);
    return listing(maildrop, args, { describe: uniqueIdOf, heading: "Unique-ids follow" });
  },
});
