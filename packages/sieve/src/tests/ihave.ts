import { defineTest } from "../compile/definition.ts";
import { extensions } from "../extensions.ts";

/**
 * ihave: RFC 5463 §4. Whether an extension is there is known when the script is compiled, so that it
 * is enabled there, for all that follows; what follows a test that fails may use anything, and is an
 * error only where it is run.
 */
export const ihave = defineTest({
  name: "ihave",
  extension: "ihave",
  compile(args) {
    const names = args.constants("names of extensions");
    args.end();
    const { available, required } = args.scope;
    const hasAll = names.every(
      (name) =>
        available.has(name) &&
        (required.has(name) || extensions.get(name)?.changesReading !== true),
    );
    if (hasAll) {
      for (const name of names) {
        required.add(name);
        for (const implied of extensions.get(name)?.implies ?? []) required.add(implied);
      }
    } else args.scope.isLenient = true;
    return () => hasAll;
  },
});
