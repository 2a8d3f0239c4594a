import { authenticated, defineCommand } from "../command.ts";
import { formatString } from "../response.ts";

/** LISTSCRIPTS: RFC 5804 §2.7. */
export const listscripts = defineCommand({
  name: "LISTSCRIPTS",
  states: authenticated,
  async run({ scripts }, args) {
    args.end();
    const all = await scripts.list();
    return {
      text: "These are all",
      data: all.map(
        ({ name, isActive }) => `${formatString(name)}${isActive ? " ACTIVE" : ""}\r\n`,
      ),
    };
  },
});
