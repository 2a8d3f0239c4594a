import { defineTest } from "../compile/definition.ts";
import { isNotifyMethod } from "../notify-method.ts";

/** notify_method_capability: RFC 5435 §5. Whether somebody is online nobody knows here: "maybe". */
export const notifyMethodCapability = defineTest({
  name: "notify_method_capability",
  extension: "enotify",
  compile(args) {
    const matching = args.matching();
    const uri = args.text("a URI");
    const capability = args.text("the name of a capability");
    const keys = args.keys(matching);
    args.end();
    return (execution) => {
      if (!isNotifyMethod(uri.in(execution), execution.surroundings)) return false;
      if (capability.in(execution).toLowerCase() !== "online") return false;
      return keys(execution).matches(["maybe"], execution);
    };
  },
});
