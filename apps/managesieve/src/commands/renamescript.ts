import { authenticated, defineCommand } from "../command.ts";

/** RENAMESCRIPT: RFC 5804 §2.11. The active script stays active under its new name. */
export const renamescript = defineCommand({
  name: "RENAMESCRIPT",
  states: authenticated,
  async run({ scripts }, args) {
    args.sp();
    const from = await args.scriptName();
    args.sp();
    const to = await args.scriptName();
    args.end();
    await scripts.rename(from, to);
    return { text: "Renamed" };
  },
});
