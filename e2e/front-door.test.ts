import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { liveInABadNeighbourhood, neighbourhoodToml } from "./bad-neighbourhood.ts";
import { ImapDialogue } from "./imap-dialogue.ts";
import { posthouse, succeeding } from "./posthouse.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";
import { type Suite, startSuite } from "./suite.ts";

const ALICE = "alice@example.test";
const BOB = "bob@example.test";
const PASSWORD = "posthouse";
const CHOIR = "choir@example.test";

let suite: Suite;
before(async () => {
  suite = await startSuite({ toml: neighbourhoodToml });
});
after(() => suite?.[Symbol.asyncDispose]());

test("a draft is sent from its mailbox, alone and inside another message, until it is revoked", async () => {
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

test("a list made on the command line reaches its members, is its owner's, and trusts no stranger", async () => {
  const cli = (...args: string[]) =>
    succeeding(posthouse("list", ...args, "--data", suite.directory));
  assert.equal(
    await cli("add", CHOIR, ALICE, "--owner", BOB, "--name", "The choir"),
    `${CHOIR} (The choir) takes mail from its members, for 1 member\n`,
  );
  assert.match(await cli("member", "add", CHOIR, BOB), /has 2 members/);
  using bob = await ImapDialogue.login(suite.portOf("imap"), BOB, "posthouse");
  using alice = await ImapDialogue.login(suite.portOf("imap"), ALICE, "posthouse");
  await bob.ok("SELECT INBOX");
  await alice.ok("SELECT INBOX");
  const before = bob.exists;
  const beforeAlice = alice.exists;

  using submission = await SmtpDialogue.open(suite.portOf("submission"));
  await submission.expect(235, submission.login(ALICE, "posthouse"));
  const message = `From: ${ALICE}\r\nTo: ${CHOIR}\r\nSubject: Monday\r\n\r\nAt eight.\r\n`;
  const mail = { from: ALICE, to: [CHOIR], octets: Buffer.from(message) };
  await submission.expect(250, submission.send(mail));
  using stranger = await SmtpDialogue.open(suite.portOf("smtp"));
  const forged = { ...mail, octets: Buffer.from(message.replace(ALICE, "eve@example.test")) };
  const refused = await stranger.expect(550, stranger.send({ ...forged, from: "eve@e.example" }));
  assert.match(refused.text, /You may not write to this mailing list/);
  const bounce = {
    from: "",
    to: ["choir-bounces@example.test"],
    octets: Buffer.from("\r\nNo.\r\n"),
  };
  await stranger.expect(250, stranger.send(bounce));

  while (bob.exists < before + 2) await bob.existsBeyond(bob.exists);
  await alice.existsBeyond(beforeAlice);
  const received = [...(await bob.messagesFrom(1)).values()].map(String).slice(before);
  const post = received.find((one) => one.includes("Subject: Monday")) ?? "";
  assert.match(post, /^Return-Path: <choir-bounces@example\.test>\r\n/);
  assert.match(post, /\r\nList-Id: "The choir"\r\n <choir\.example\.test>\r\n/);
  assert.ok(post.endsWith(message));
  assert.equal(received.length, 2);
});

test("in a bad neighbourhood all good mail arrives, and nothing else", async (t) => {
  t.diagnostic(await liveInABadNeighbourhood(suite, 3));
  assert.deepEqual(
    suite.log.filter((line) => /nobody foresaw/.test(line)),
    [],
  );
});
