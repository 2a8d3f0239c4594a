import { authenticated, defineCommand } from "../command.ts";

/** SETACTIVE: RFC 5804 §2.8. The empty name makes none active. */
export const setactive = defineCommand({
  name: "SETACTIVE",
  states: authenticated,
  async run({ scripts }, args) {
    args.sp();
    const name = await args.activeScriptName();
    args.end();
    await scripts.activate(name);
    return { text: name === undefined ? "No script runs from now on" : "It runs from now on" };
  },
});
