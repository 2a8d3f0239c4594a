import { sieveLimits } from "@posthouse/sieve/check";
import { checkedScript } from "../check-script.ts";
import { authenticated, defineCommand } from "../command.ts";
import { no } from "../response.ts";

/** CHECKSCRIPT: RFC 5804 §2.12. Quotas do not count; a script that could not run for its size does. */
export const checkscript = defineCommand({
  name: "CHECKSCRIPT",
  states: authenticated,
  async run(_state, args, { services }) {
    args.sp();
    const script = args.openString("a script");
    if (script.sizeBytes > sieveLimits.scriptBytesMax) {
      throw no(`The script is larger than ${sieveLimits.scriptBytesMax} octets`);
    }
    const octets = await script.octets();
    args.end();
    return await checkedScript(services.checker, octets, "Nothing is wrong with it");
  },
});
