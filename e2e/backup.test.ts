import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connectSmtp } from "@posthouse/smtp";
import { posthouse, succeeding } from "./posthouse.ts";
import { startSuite } from "./suite.ts";

test("a backup that is taken while mail comes has all that was accepted before it, and whose it is", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-backup-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const backups = join(directory, "backups");
  let accepted = 0;
  {
    await using suite = await startSuite();
    const at = ["--data", suite.directory];
    const session = await connectSmtp({
      flavour: "smtp",
      host: "127.0.0.1",
      port: suite.portOf("smtp"),
      heloName: "client.test",
      tls: { mode: "off" },
    });
    const send = async () => {
      const octets = (async function* () {
        yield Buffer.from(`From: x@y.test\r\nSubject: ${accepted}\r\n\r\n${accepted}\r\n`);
      })();
      const { recipients } = await session.send({
        reversePath: "x@y.test",
        recipients: [{ address: "alice@example.test" }],
        octets,
      });
      assert.equal(recipients[0]?.reply.code, 250);
      accepted += 1;
    };
    while (accepted < 20) await send();
    let isTaken = false;
    const taking = posthouse("backup", "create", backups, ...at).finally(() => {
      isTaken = true;
    });
    while (!isTaken) await send();
    assert.match(await succeeding(taking), /mail of 1 account, .* read back and well/);
    assert.ok(accepted > 20);
    session.close();
  }
  const restored = ["--data", join(directory, "restored")];
  const everything = ["restore", backups, "--everything", ...restored];
  assert.match(
    await succeeding(posthouse(...everything, "--yes")),
    /^Wrote .*posthouse\.toml as it was\nMail of 1 account, .* came back as they were at/,
  );
  const mailboxes = JSON.parse(
    await succeeding(posthouse("mailbox", "list", "alice@example.test", "--json", ...restored)),
  ) as { name: string; messages: number }[];
  const { messages = 0 } = mailboxes.find(({ name }) => name === "INBOX") ?? {};
  assert.ok(messages >= 20 && messages <= accepted, `${messages} of ${accepted}`);
});
