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

test("nobody is renamed to who is there, or told to move the mail of that out of the way", async () => {
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
    const refuses = async (message: RegExp, ...typed: string[]) => {
      const args = [...typed, "--yes", "--data", data];
      await assert.rejects((await program(args)).parseAsync(args, { from: "user" }), {
        name: "CommandFailure",
        message,
      });
    };
    const rename = ["account", "rename", "ann@example.test", "Bob@example.test"];
    await refuses(/^bob@example\.test is an account already$/, ...rename);
    await admin.putAccountAway(bob.address, Date.now() + 60_000);
    await refuses(/^bob@example\.test was removed and can still be restored/, ...rename);
    await admin.addDomain("example.net");
    await admin.addAccount({ address: "bob@example.net" });
    const renameDomain = ["domain", "rename", "example.net", "example.test"];
    await refuses(/^The domain example\.test is there already$/, ...renameDomain);
    assert.ok((await admin.listAccounts()).every(({ movingTo }) => movingTo === undefined));
  });
});
