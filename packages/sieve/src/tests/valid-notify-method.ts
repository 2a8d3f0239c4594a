import { defineTest } from "../compile/definition.ts";
import { isNotifyMethod } from "../notify-method.ts";

/** valid_notify_method: RFC 5435 §4. */
export const validNotifyMethod = defineTest({
  name: "valid_notify_method",
  extension: "enotify",
  compile(args) {
    const uris = args.texts("URIs");
    args.end();
    return (execution) =>
      uris.in(execution).every((uri) => isNotifyMethod(uri, execution.surroundings));
  },
});
