import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Dialogue } from "./dialogue.ts";
import { ImapDialogue } from "./imap-dialogue.ts";
import { posthouse, succeeding } from "./posthouse.ts";
import { run } from "./program.ts";
import { startSuite } from "./suite.ts";

const ALICE = "alice@example.test";

test("an app password works in IMAP, POP3 and submission as its scope says, until it is revoked", async () => {
  await using suite = await startSuite();
  const { directory } = suite;
  const data = ["--data", directory];
  const cli = (...args: string[]) => succeeding(posthouse(...args, ...data));
  const message = join(directory, "message.eml");
  await writeFile(message, "Subject: Hello\r\n\r\nHello\r\n");
  const curl = (password: string, url: string, ...more: string[]) =>
    run("curl", ["-sS", "--insecure", "--user", `${ALICE}:${password}`, ...more, url]);
  const read = async (password: string, url: string) => (await curl(password, url)).code;
  const imap = `imaps://127.0.0.1:${suite.portOf("imaps")}/INBOX`;
  const pop3 = `pop3s://127.0.0.1:${suite.portOf("pop3s")}/`;
  const send = async (password: string) => {
    const url = `smtps://127.0.0.1:${suite.portOf("submissions")}/client.example`;
    const mail = ["--mail-from", ALICE, "--mail-rcpt", ALICE, "--upload-file", message];
    return (await curl(password, url, ...mail)).code;
  };

  const [password = ""] = (await cli("app-password", "add", ALICE, "Alice's telephone")).split(
    "\n",
  );
  assert.equal(await send(password), 0);
  assert.equal(await read(password, imap), 0);
  // 67: "The user name, password, or similar was not accepted"
  assert.equal(await read(password, pop3), 67);
  const added = await cli("app-password", "add", ALICE, "fetcher", "--scope", "pop3", "--json");
  const fetcher = JSON.parse(added) as { password: string };
  assert.equal(await read(fetcher.password, pop3), 0);
  assert.equal(await read(fetcher.password, imap), 67);

  await cli("account", "app-passwords-only", ALICE, "yes");
  assert.equal(await read("posthouse", imap), 67);
  assert.equal(await send("posthouse"), 67);
  assert.equal(await read(password, imap), 0);

  const listed = await cli("app-password", "list", ALICE);
  assert.match(listed, /Alice's telephone +imap, submission .* imap +127\.0\.0\.1/);
  // Who is logged in with it hears of it at once.
  using reader = await ImapDialogue.login(suite.portOf("imap"), ALICE, password);
  using sender = await Dialogue.open(suite.portOf("submission"));
  const plain = Buffer.from(`\0${ALICE}\0${password}`).toString("base64");
  await sender.write(`EHLO client.example\r\nAUTH PLAIN ${plain}\r\n`);
  while (!(await sender.line()).startsWith("235 "));
  await cli("app-password", "revoke", ALICE, "Alice's telephone", "--yes");
  assert.match(await reader.dialogue.line(), /^\* BYE \[EXPIRED\]/);
  assert.match(await sender.line(), /^421 4\.7\.0 /);
  assert.equal(await read(password, imap), 67);
  assert.equal(await read(fetcher.password, pop3), 0);
});
