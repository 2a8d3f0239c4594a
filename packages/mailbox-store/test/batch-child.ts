import { join } from "node:path";
import Database from "better-sqlite3";
import { armCrashPoint } from "../src/crash-point.ts";
import { AccountWriter } from "../src/writer/account-writer.ts";

/**
 * A process that moves messages 1 and 2 from INBOX to Archive and scans INBOX, in one transaction, as
 * when two sessions ask at once: batch-child.ts ACCOUNT CRASH POINT
 */
const [, , accountPath = "", crashAt] = process.argv;
const index = new Database(join(accountPath, "index.sqlite"), { readonly: true });
const guid = String(index.prepare("SELECT guid FROM mailboxes WHERE folder = ''").pluck().get());
index.close();

const writer = new AccountWriter(
  accountPath,
  { host: "child.example.org", expungedDays: undefined },
  (text) => process.stderr.write(`${text}\n`),
);
armCrashPoint(crashAt);
const move = { guid, uids: [1, 2], targetFolder: ".Archive", quota: {}, isMove: true };
writer.run([
  { number: 1, accountPath, name: "copy", args: move },
  { number: 2, accountPath, name: "scan", args: { guid } },
]);
writer.close();
