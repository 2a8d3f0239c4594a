import { authenticated, defineCommand } from "../command.ts";
import { no } from "../response.ts";

/** DELETESCRIPT: RFC 5804 §2.10. */
export const deletescript = defineCommand({
  name: "DELETESCRIPT",
  states: authenticated,
  async run({ scripts }, args) {
    args.sp();
    const name = await args.scriptName();
    args.end();
    const normal = name.normalize("NFC");
    const found = (await scripts.list()).find((script) => script.name === normal);
    if (found?.isActive === true) throw no("You may not delete an active script", "ACTIVE");
    await scripts.delete(name);
    return { text: "Deleted" };
  },
});
