import assert from "node:assert/strict";
import { test } from "node:test";
import { ImapDialogue } from "./imap-dialogue.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";
import { startSuite } from "./suite.ts";

const ALICE = "alice@example.test";
const BOB = "bob@example.test";
const PASSWORD = "posthouse";

test("a draft is sent from its mailbox, alone and inside another message, until it is revoked", async () => {
  await using suite = await startSuite();
  using alice = await ImapDialogue.login(suite.portOf("imap"), ALICE, PASSWORD);
  using bob = await ImapDialogue.login(suite.portOf("imap"), BOB, PASSWORD);
  await bob.ok("SELECT INBOX");
  const before = bob.exists;
  const draft = `From: ${ALICE}\r\nSubject: Draft\r\n\r\n${"All of it.\r\n".repeat(30_000)}`;
  const { completion } = await alice.append("Drafts", Buffer.from(draft));
  const [, validity, uid] = /APPENDUID (\d+) (\d+)/.exec(completion) ?? [];
  using smtp = await SmtpDialogue.open(suite.portOf("submission"));
  const { text: ehlo } = await smtp.expect(250, smtp.command("EHLO client.test"));
  const host = /^250-(\S+)/.exec(ehlo)?.[1];
  const signed = async (part: string) => {
    const rump = `imap://alice%40example.test@${host}/Drafts;UIDVALIDITY=${validity}/;UID=${uid}${part};URLAUTH=submit+alice%40example.test`;
    const [line] = await alice.ok(`GENURLAUTH "${rump}" INTERNAL`);
    return /"(.*)"/.exec(line?.text ?? "")?.[1] ?? "";
  };
  const whole = await signed("");
  const text = await signed("/;SECTION=TEXT/;PARTIAL=0.12");

  await smtp.expect(235, smtp.login(ALICE, PASSWORD));
  await smtp.expect(250, smtp.address(ALICE, [BOB]));
  await smtp.expect(250, smtp.command(`BURL ${whole} LAST`));

  await smtp.expect(250, smtp.address(ALICE, [BOB]));
  const head = `From: ${ALICE}\r\nSubject: Parts\r\n\r\nShe wrote:\r\n`;
  await smtp.dialogue.write(`BDAT ${head.length}\r\n${head}BURL ${text}\r\nBDAT 0 LAST\r\n`);
  for (let part = 0; part < 3; part++) await smtp.expect(250, smtp.reply());

  while (bob.exists < before + 2) await bob.existsBeyond(bob.exists);
  const received = [...(await bob.messagesFrom(1)).values()].map(String);
  assert.ok(received.some((message) => message.endsWith(draft.slice(draft.indexOf("Subject")))));
  assert.ok(received.some((message) => message.endsWith("She wrote:\r\nAll of it.\r\n")));

  await alice.ok("RESETKEY");
  await smtp.expect(250, smtp.address(ALICE, [BOB]));
  const refused = await smtp.expect(554, smtp.command(`BURL ${whole} LAST`));
  assert.match(refused.text, /5\.6\.6/);
});
