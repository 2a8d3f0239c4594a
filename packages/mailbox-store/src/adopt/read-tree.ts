import { existsSync } from "node:fs";
import { StoreError } from "../store-error.ts";
import { isMboxTree, readMboxTree } from "./mbox-tree.ts";
import { readSourceTree, type SourceOptions, type SourceTree } from "./source-tree.ts";

/** Reads a tree of whatever format, and changes nothing in it. */
export async function readTree(path: string, options: SourceOptions): Promise<SourceTree> {
  if (isMboxTree(path)) return readMboxTree(path, options);
  if (options.inbox === undefined || !existsSync(path)) return readSourceTree(path, options);
  throw new StoreError(
    "not-permitted",
    `"${path}" is a Maildir and has its own INBOX: "${options.inbox}" cannot be INBOX as well`,
  );
}
