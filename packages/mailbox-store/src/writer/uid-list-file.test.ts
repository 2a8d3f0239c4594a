import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { MailboxRow } from "../index/rows.ts";
import { UidListFile } from "./uid-list-file.ts";

test("unique-ids of POP3 outlive a list that is written anew from the index", async () => {
  const folder = await mkdtemp(join(tmpdir(), "posthouse-uidlist-"));
  try {
    const path = join(folder, "dovecot-uidlist");
    const guid = "3085f01b7f11094c501100008c4a11c1";
    await writeFile(path, `3 V7 N9 G${guid}\n1 W9 PUID1-old :a:2,S\n2 Pgone :b\n3 :c\n`);
    const list = new UidListFile(folder);
    const row = { uidValidity: 7, uidNext: 9, guid } as MailboxRow;
    list.rewrite(row, [
      { uid: 1, key: "a" },
      { uid: 3, key: "c" },
    ]);
    assert.equal(await readFile(path, "utf8"), `3 V7 N9 G${guid}\n1 PUID1-old :a\n3 :c\n`);
    // Under another UIDVALIDITY the UIDs are of other messages.
    list.rewrite({ ...row, uidValidity: 8 }, [{ uid: 1, key: "a" }]);
    assert.equal(await readFile(path, "utf8"), `3 V8 N9 G${guid}\n1 :a\n`);
    list.release();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
