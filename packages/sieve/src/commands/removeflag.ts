import { defineCommand } from "../compile/definition.ts";
import { withoutFlags } from "../run/flags.ts";
import { compileFlagCommand } from "./flag-command.ts";

/** removeflag: RFC 5232 §3.3. */
export const removeflag = defineCommand({
  name: "removeflag",
  extension: "imap4flags",
  compile: (args) => compileFlagCommand(args, withoutFlags),
});
