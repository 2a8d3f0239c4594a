import { defineCommand } from "../compile/definition.ts";
import { compileRefusal } from "./refusal.ts";

/** ereject: RFC 5429 §2.1. */
export const ereject = defineCommand({
  name: "ereject",
  extension: "ereject",
  compile: (args) => compileRefusal(args, true),
});
