import { defineCommand } from "../compile/definition.ts";
import { compileFlagCommand } from "./flag-command.ts";

/** setflag: RFC 5232 §3.1. */
export const setflag = defineCommand({
  name: "setflag",
  extension: "imap4flags",
  compile: (args) => compileFlagCommand(args, (_before, given) => given),
});
