import { defineCommand } from "../compile/definition.ts";

/** break: ends a loop, the innermost or the one of that name. */
export const breakLoop = defineCommand({
  name: "break",
  extension: "foreverypart",
  compile(args) {
    const name = args.taggedConstant("name");
    args.end();
    const { loops } = args.scope;
    if (loops.length === 0) throw args.problem("break must stand within foreverypart");
    const breaks = name === undefined ? loops.length - 1 : loops.lastIndexOf(name);
    if (breaks === -1) throw args.problem(`there is no loop "${name}" around`);
    return () => ({ breaks });
  },
});
