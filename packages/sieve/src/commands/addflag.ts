import { defineCommand } from "../compile/definition.ts";
import { parseFlags } from "../run/flags.ts";
import { compileFlagCommand } from "./flag-command.ts";

/** addflag: RFC 5232 §3.2. */
export const addflag = defineCommand({
  name: "addflag",
  extension: "imap4flags",
  compile: (args) => compileFlagCommand(args, (before, given) => parseFlags([...before, ...given])),
});
