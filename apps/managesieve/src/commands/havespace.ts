import { authenticated, defineCommand } from "../command.ts";
import { requireRoom } from "../room.ts";

/** HAVESPACE: RFC 5804 §2.5. */
export const havespace = defineCommand({
  name: "HAVESPACE",
  states: authenticated,
  async run({ scripts }, args) {
    args.sp();
    const name = await args.scriptName();
    args.sp();
    const sizeBytes = args.number("the size of a script");
    args.end();
    await requireRoom(scripts, name, sizeBytes);
    return { text: "There is room" };
  },
});
