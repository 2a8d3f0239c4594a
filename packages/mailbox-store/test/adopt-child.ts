import { adoptMail } from "../src/index.ts";
import { ann } from "./store-for-tests.ts";

/** Takes a tree over and is killed on the way: `adopt-child.ts <mail directory> <source> <mode> <row>`. */
const [mailDirectory = "", source = "", mode = "copy", crashAt = ""] = process.argv.slice(2);
await adoptMail({
  mailDirectory,
  account: ann,
  source,
  mode: mode as "copy" | "link" | "move",
  crashAt,
});
