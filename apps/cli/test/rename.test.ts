import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openMailStore } from "@posthouse/mailbox-store";
import { administer } from "../src/administration.ts";
import { localToml } from "../src/local/local-config.ts";
import { program } from "../src/program.ts";
import { configOf } from "../src/source-options.ts";

test("an account is not renamed to another one, and nobody is told to move the mail of that", async () => {
  const data = await mkdtemp(join(tmpdir(), "posthouse-rename-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(data, { recursive: true, force: true }));
  await writeFile(join(data, "posthouse.toml"), localToml);
  const { hostname: host, paths } = configOf({ data });
  await administer({ data }, async (admin) => {
    await admin.addDomain("example.test");
    await admin.addAccount({ address: "ann@example.test" });
    const bob = await admin.addAccount({ address: "bob@example.test" });
    {
      await using store = await openMailStore({
        mailDirectory: paths.mail,
        messageBytesMax: 1e6,
        host,
      });
      await using mail = await store.openAccount(bob);
      await mail.append("INBOX", [{ octets: [Buffer.from("Subject: x\r\n\r\nx\r\n")] }]);
    }
    const args = ["account", "rename", "ann@example.test", "Bob@example.test", "--yes"];
    await assert.rejects(
      (await program(args)).parseAsync([...args, "--data", data], { from: "user" }),
      { name: "CommandFailure", message: "bob@example.test is an account already" },
    );
    assert.ok((await admin.listAccounts()).every(({ movingTo }) => movingTo === undefined));
  });
});
