import { defineCommand } from "../compile/definition.ts";
import { compileRefusal } from "./refusal.ts";

/** reject: RFC 5429 §2.2. */
export const reject = defineCommand({
  name: "reject",
  extension: "reject",
  compile: (args) => compileRefusal(args, false),
});
