import { defineTest } from "../compile/definition.ts";

/** size: RFC 5228 §5.9. Neither over nor under is what is exactly as large. */
export const size = defineTest({
  name: "size",
  compile(args) {
    const relation = args.oneOf(["over", "under"]);
    if (relation === undefined) throw args.problem("size needs :over or :under");
    const limit = args.number("a size");
    args.end();
    return ({ message }) =>
      relation === "over" ? message.sizeBytes > limit : message.sizeBytes < limit;
  },
});
