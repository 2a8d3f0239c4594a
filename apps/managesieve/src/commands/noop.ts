import { anyState, defineCommand } from "../command.ts";
import { limits } from "../limits.ts";
import { formatString } from "../response.ts";

/** NOOP: RFC 5804 §2.13. */
export const noop = defineCommand({
  name: "NOOP",
  states: anyState,
  async run(_state, args) {
    if (args.isAtEnd) return { text: "NOOP completed" };
    args.sp();
    const tag = await args.text("a tag", limits.tagBytesMax);
    args.end();
    return { text: "Done", code: `TAG ${formatString(tag)}` };
  },
});
