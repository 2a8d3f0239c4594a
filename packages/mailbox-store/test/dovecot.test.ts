import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, chmod, mkdir, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Uid } from "../src/index.ts";
import { message, octetsOf, TestStore, uidsOf } from "./store-for-tests.ts";

const run = promisify(execFile);
const doveadm = "/usr/bin/doveadm";
const isInstalled = await access(doveadm).then(
  () => true,
  () => false,
);

/** Dovecot does not open mail as root: where the test is root, the tree is given to `mail`. */
async function giveTree(files: TestStore): Promise<string> {
  const { username } = userInfo();
  if (username !== "root") return username;
  await run("chown", ["-R", "mail:mail", files.mailDirectory]);
  return "mail";
}

async function dovecot(
  files: TestStore,
  command: readonly string[],
  settings: readonly string[] = [],
): Promise<string> {
  const user = await giveTree(files);
  const home = join(files.mailDirectory, ".dovecot");
  await mkdir(home, { recursive: true });
  await chmod(files.mailDirectory, 0o755);
  const configuration = join(home, "dovecot.conf");
  await writeFile(
    configuration,
    [
      `base_dir = ${home}`,
      "log_path = /dev/stderr",
      "ssl = no",
      `mail_location = maildir:${files.annPath}`,
      `mail_home = ${home}`,
      `mail_uid = ${user}`,
      `mail_gid = ${user === "mail" ? "mail" : userInfo().gid}`,
      "first_valid_uid = 0",
      "first_valid_gid = 0",
      "namespace inbox {",
      "inbox = yes",
      "separator = /",
      "}",
      ...settings,
      "",
    ].join("\n"),
  );
  await giveTree(files);
  const { stdout } = await run(doveadm, ["-c", configuration, ...command], {
    env: { ...process.env, USER: user, HOME: home },
  });
  return stdout;
}

test("Dovecot and we agree about UIDs, flags, keywords and names in one tree", {
  skip: isInstalled ? false : "Dovecot is not installed",
}, async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  for (const subject of ["1", "2", "3"]) {
    await account.deliver("INBOX", { octets: [message(subject)] }, subject);
  }
  await account.createMailbox("Entwürfe/a.b/~x");
  await account.setSubscribed("Entwürfe/a.b/~x", true);
  await using inbox = await account.openMailbox("INBOX");
  await inbox.expunge([2] as Uid[]);
  await inbox.changeFlags([1] as Uid[], {
    mode: "add",
    systemFlags: ["\\Flagged"],
    keywords: ["todo"],
  });

  const status = await dovecot(files, ["mailbox", "status", "uidvalidity guid messages", "INBOX"]);
  assert.equal(
    status.trim(),
    `INBOX messages=2 uidvalidity=${inbox.uidValidity} guid=${inbox.mailboxId}`,
  );
  const fetched = await dovecot(files, [
    "-f",
    "tab",
    "fetch",
    "uid flags size.virtual",
    "mailbox",
    "INBOX",
  ]);
  const size = message("1").length;
  assert.deepEqual(
    fetched
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.replace("\\Recent", "").trim()),
    [`1\t\\Flagged todo\t${size}`, `3\t\t${size}`],
  );
  const subscribed = await dovecot(files, ["mailbox", "list", "-s"]);
  assert.match(subscribed, /^Entwürfe\/a%2Eb\/%7Ex$/m);

  await dovecot(files, ["flags", "add", "\\Seen new", "mailbox", "INBOX", "uid", "3"]);
  await dovecot(files, ["copy", "INBOX", "mailbox", "INBOX", "uid", "1"]);
  await inbox.sync(inbox.columns);
  assert.deepEqual(uidsOf(inbox), [1, 3, 4]);
  assert.deepEqual([...inbox.columns.systemFlags], [2, 8, 2]);
  assert.deepEqual(inbox.columns.keywordSets[inbox.columns.keywordSet[1] ?? 0], ["new"]);
  const { uids } = await account.deliver("INBOX", { octets: [message("5")] }, "5");
  assert.deepEqual(uids, [5]);
  const again = await dovecot(files, ["-f", "flow", "fetch", "uid", "mailbox", "INBOX"]);
  assert.equal(again.trim().split("\n").join(" "), "uid=1 uid=3 uid=4 uid=5");
});

test("Dovecot's zlib plugin reads what we compressed, and we read what it did", {
  skip: isInstalled ? false : "Dovecot is not installed",
}, async () => {
  await using files = await TestStore.open({ compression: "zstd" });
  const account = await files.account();
  const text = Array.from({ length: 30_000 }, (_one, at) => `line ${at}\r\n`).join("");
  const large = message("large", text);
  const octets = [large.subarray(0, 200_000), large.subarray(200_000)];
  await account.append("Sent", [
    { octets: [message("small", "Hello\r\n".repeat(99))] },
    { octets },
  ]);
  await using sent = await account.openMailbox("Sent");
  assert.deepEqual([...sent.columns.sizes].slice(1), [large.length]);

  const plugin = (save: string) => ["mail_plugins = zlib", "plugin {", `zlib_save = ${save}`, "}"];
  const fetched = await dovecot(
    files,
    ["-f", "tab", "fetch", "uid size.physical size.virtual", "mailbox", "Sent"],
    plugin("zstd"),
  );
  const sizes = [...sent.columns.sizes];
  assert.deepEqual(
    fetched.trim().split("\n").slice(1),
    sizes.map((size, at) => `${at + 1}\t${size}\t${size}`),
  );
  const whole = await dovecot(
    files,
    ["fetch", "text", "mailbox", "Sent", "uid", "2"],
    plugin("gz"),
  );
  assert.equal(whole, `text:\n${large.toString()}`);

  const mail = join(files.mailDirectory, ".dovecot", "mail");
  await writeFile(mail, large.toString().replaceAll("\r\n", "\n"));
  for (const save of ["gz", "zstd", "bz2"]) {
    await dovecot(files, ["save", "-m", "Archive", mail], plugin(save));
  }
  await using archive = await account.openMailbox("Archive");
  assert.deepEqual([...archive.columns.sizes], [large.length, large.length, large.length]);
  for (const uid of [1, 2]) {
    const stored = await octetsOf(archive, uid);
    assert.match(stored.toString(), /^Subject: large\r$/m);
    assert.ok(stored.subarray(-text.length).equals(Buffer.from(text)));
  }
  await assert.rejects(octetsOf(archive, 3), /compressed with bzip2/);
});
