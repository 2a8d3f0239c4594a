import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ImapDialogue } from "./imap-dialogue.ts";
import { Pop3Dialogue } from "./pop3-dialogue.ts";
import { posthouse, posthouseReading, succeeding } from "./posthouse.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";
import { type Suite, startSuite } from "./suite.ts";

const password = "correct-horse";
const octets = Buffer.from(
  `From: Out <out@side.test>\r\nSubject: A letter\r\n\r\nFrom here on\r\n>From there\r\n${"line\r\n".repeat(500)}`,
);

/** An account of each form, and how its one message then stands on disk. */
const forms = [
  {
    address: "box@example.test",
    options: ["--format", "mbox"],
    isStored: async (directory: string) =>
      /^From .*\n(?:.*\n)*Subject: A letter\n/.test(
        await readFile(join(directory, "mbox"), "utf8"),
      ),
  },
  {
    address: "small@example.test",
    options: ["--compression", "zstd"],
    isStored: async (directory: string) => {
      const [name = ""] = [
        ...(await readdir(join(directory, "new"))).map((one) => join("new", one)),
        ...(await readdir(join(directory, "cur"))).map((one) => join("cur", one)),
      ];
      const file = await readFile(join(directory, name));
      return file.readUInt32LE(0) === 0xfd2fb528 && file.length < octets.length / 4;
    },
  },
];

describe("what an account's mail is on disk", () => {
  let suite: Suite;
  before(async () => {
    suite = await startSuite();
  });
  after(async () => {
    await suite?.[Symbol.asyncDispose]();
  });

  for (const { address, options, isStored } of forms) {
    test(`${options.join(" ")} is as the administrator said, and clients do not see it`, async () => {
      const at = ["--data", suite.directory];
      await succeeding(
        posthouseReading(`${password}\n`, "account", "add", address, "--weak", ...options, ...at),
      );
      const listed = await succeeding(posthouse("account", "list", "--json", ...at));
      assert.match(listed, new RegExp(`"${options[1]}"`));

      using smtp = await SmtpDialogue.open(suite.portOf("smtp"));
      const reply = await smtp.send({ from: "out@side.test", to: [address], octets });
      assert.equal(reply.code, 250);
      assert.ok(
        await isStored(join(suite.directory, "mail", "example.test", address.split("@")[0] ?? "")),
      );

      using pop3 = await Pop3Dialogue.open(suite.portOf("pop3"));
      await pop3.login(address, password);
      const retrieved = await pop3.retrieve(1);
      assert.ok(retrieved.includes(octets), "POP3 gives it as it came");
      await pop3.ok("QUIT");

      using imap = await ImapDialogue.login(suite.portOf("imap"), address, password);
      await imap.command("SELECT INBOX");
      const { untagged } = await imap.command("FETCH 1 (RFC822.SIZE BODY.PEEK[])");
      const [fetched] = untagged;
      assert.deepEqual(fetched?.literals[0], retrieved);
      assert.match(fetched?.text ?? "", new RegExp(`RFC822.SIZE ${retrieved.length}\\b`));
      await imap.command("STORE 1 +FLAGS (\\Flagged urgent)");
      await imap.command("COPY 1 Archive");
      await imap.command("SELECT Archive");
      const copied = await imap.command("FETCH 1 (FLAGS BODY.PEEK[])");
      assert.deepEqual(copied.untagged[0]?.literals[0], retrieved);
      assert.match(copied.untagged[0]?.text ?? "", /\\Flagged.*urgent/);
      assert.match(await succeeding(posthouse("mailbox", "check", address, ...at)), /agree/);
    });
  }
});
