import assert from "node:assert/strict";
import { test } from "node:test";
import { ImapDialogue } from "./imap-dialogue.ts";
import { posthouse, succeeding } from "./posthouse.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";
import { startSuite } from "./suite.ts";

const ALICE = "alice@example.test";
const BOB = "bob@example.test";
const CHOIR = "choir@example.test";

test("a list made on the command line reaches its members, is its owner's, and trusts no stranger", async () => {
  await using suite = await startSuite();
  const cli = (...args: string[]) =>
    succeeding(posthouse("list", ...args, "--data", suite.directory));
  assert.equal(
    await cli("add", CHOIR, ALICE, "--owner", BOB, "--name", "The choir"),
    `${CHOIR} (The choir) takes mail from its members, for 1 member\n`,
  );
  assert.match(await cli("member", "add", CHOIR, BOB), /has 2 members/);
  using bob = await ImapDialogue.login(suite.portOf("imap"), BOB, "posthouse");
  await bob.ok("SELECT INBOX");
  const before = bob.exists;

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
  const received = [...(await bob.messagesFrom(1)).values()].map(String).slice(before);
  const post = received.find((one) => one.includes("Subject: Monday")) ?? "";
  assert.match(post, /^Return-Path: <choir-bounces@example\.test>\r\n/);
  assert.match(post, /\r\nList-Id: "The choir"\r\n <choir\.example\.test>\r\n/);
  assert.ok(post.endsWith(message));
  assert.equal(received.length, 2);
});
