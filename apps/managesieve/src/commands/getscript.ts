import { authenticated, defineCommand } from "../command.ts";
import { no } from "../response.ts";

/** GETSCRIPT: RFC 5804 §2.9. Octet for octet as it was put. */
export const getscript = defineCommand({
  name: "GETSCRIPT",
  states: authenticated,
  async run({ scripts }, args) {
    args.sp();
    const name = await args.scriptName();
    args.end();
    const octets = await scripts.get(name);
    if (octets === undefined) throw no("There is no script by that name", "NONEXISTENT");
    return { text: "That is all", data: [`{${octets.length}}\r\n`, octets, "\r\n"] };
  },
});
