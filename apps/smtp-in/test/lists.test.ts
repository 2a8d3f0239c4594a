import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Zone, ZoneResolver } from "@posthouse/dns/zone";
import { TEST_TOML } from "@posthouse/service";
import { dialogue, QUEUED, submit } from "./send.ts";
import { queuedMail, type TestApp, testApp } from "./test-app.ts";

const zone: Zone = {
  "good.example": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] },
  "_dmarc.good.example": { TXT: ["v=DMARC1; p=reject"] },
  "plain.example": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] },
  "elsewhere.example": { TXT: ["v=spf1 -all"] },
  "slow.example": "timeout",
  "_dmarc.slow.example": "timeout",
};

const messageFrom = (from: string, more = ""): string =>
  `${more}From: ${from}\r\nSubject: Hello\r\n\r\nHello`;

let app: TestApp;
before(async () => {
  const toml = `${TEST_TOML}\n[inspection]\nexempt_networks = []\n`;
  app = await testApp({ toml, resolver: new ZoneResolver(zone) });
});
after(() => app[Symbol.asyncDispose]());

const seen = new Set<string>();

/** What has come into the queue since it was asked last. */
async function queuedNow() {
  const all = await queuedMail(app.context);
  const added = all.filter(({ envelope }) => !seen.has(envelope.messageId));
  for (const { envelope } of added) seen.add(envelope.messageId);
  return added;
}

const fromOutside = (list: string, from: string, reply: string, more?: string) =>
  dialogue(
    app.port("smtp"),
    submit([`<${list}@example.test>`], reply, {
      sender: from.replace(/^.*<|>$/g, ""),
      message: messageFrom(from, more),
    }),
  );

const fromAnn = (recipients: readonly string[], reply = QUEUED, more?: string) =>
  dialogue(
    app.port("submission"),
    submit(
      recipients.map((one) => `<${one}@example.test>`),
      reply,
      {
        sender: "ann@example.test",
        login: "ann@example.test",
        message: messageFrom("Ann <ann@example.test>", more),
      },
    ),
  );

describe("what a list sends on", () => {
  test("says where it is from, is the owner's when it fails, and leaves the message as it was", async () => {
    await fromAnn(["few"]);
    const [mail] = await queuedNow();
    assert.ok(mail);
    assert.equal(mail.envelope.reversePath, "few-bounces@example.test");
    assert.deepEqual(mail.envelope.recipients, [
      { address: "bob@example.test", isLocal: true, originalAddress: "few@example.test" },
      { address: "cleo@elsewhere.example", isLocal: false, originalAddress: "few@example.test" },
      { address: "sam@good.example", isLocal: false, originalAddress: "few@example.test" },
    ]);
    assert.equal(mail.envelope.isOurs, true);
    assert.equal(mail.envelope.authenticatedAs, undefined);
    assert.match(
      mail.message,
      /^Delivered-To: few@example\.test\r\nPrecedence: list\r\nList-Id: "The few"\r\n <few\.example\.test>\r\nList-Post: NO \(it is written to by few\)\r\nList-Unsubscribe: <mailto:few-unsubscribe@example\.test\?subject=unsubscribe>\r\nList-Owner: <mailto:few-owner@example\.test>\r\nReceived: /,
    );
    assert.ok(mail.message.endsWith(`${messageFrom("Ann <ann@example.test>")}\r\n`));
    const posted = app.events.find(({ type }) => type === "posted");
    assert.equal(posted?.postId, mail.envelope.messageId);
    assert.equal(posted?.members, 3);
  });

  test("has an author of the list where nothing but SPF vouches for one whose domain is protected", async () => {
    await fromOutside("news", "=?UTF-8?Q?S=C3=A4m?= <sam@good.example>", QUEUED);
    await fromOutside("open", "pat@plain.example", QUEUED);
    const [ofSam, ofPat] = await queuedNow();
    const sams = /^From: ((?:.+\r\n)+?)(?=\S)/m.exec(ofSam?.message ?? "")?.[1] ?? "";
    assert.equal(
      sams,
      `=?UTF-8?B?${Buffer.from("Säm via The news").toString("base64")}?=\r\n <news@example.test>\r\n`,
    );
    assert.match(
      ofSam?.message ?? "",
      /\r\nReply-To: <sam@good\.example>\r\nX-Original-From: =\?UTF-8\?Q\?S=C3=A4m\?= <sam@good\.example>\r\nSubject: /,
    );
    assert.equal(ofSam?.envelope.isOurs, true);
    assert.match(ofPat?.message ?? "", /\r\nFrom: pat@plain\.example\r\n/);
    assert.equal(ofPat?.envelope.isOurs, undefined);
  });

  test("does not pretend to be another's", async () => {
    await fromAnn(
      ["few"],
      QUEUED,
      "List-Id: <x.example>\r\nPrecedence: bulk\r\nList-Post:\r\n NO\r\n",
    );
    const [mail] = await queuedNow();
    assert.deepEqual(mail?.message.match(/^(?:List-(?:Id|Post)|Precedence):/gim), [
      "Precedence:",
      "List-Id:",
      "List-Post:",
    ]);
  });

  test("goes beside what others get, each in an entry of its own", async () => {
    const { handedOver = [] } = app.delivery ?? {};
    handedOver.splice(0);
    await fromAnn(["few", "bob", "away", "open"]);
    assert.deepEqual(
      handedOver.map(({ envelope }) => envelope.recipients.map(({ address }) => address)),
      [["bob@example.test", "ann@example.test"]],
    );
    const queued = await queuedNow();
    assert.deepEqual(queued.map(({ envelope }) => envelope.reversePath).toSorted(), [
      "ann@example.test",
      "few-bounces@example.test",
      "open-bounces@example.test",
    ]);
    assert.equal(new Set(queued.map(({ envelope }) => envelope.messageId)).size, 3);
  });
});

describe("who may write to a list", () => {
  const closed = "550 5.7.2 You may not write to this mailing list: $*";

  test("members, shown to be themselves; not those who only say so", async () => {
    await fromOutside("news", "sam@good.example", QUEUED);
    await fromOutside("news", "pat@plain.example", closed);
    await fromOutside(
      "news",
      "cleo@elsewhere.example",
      "550 5.7.2 This mailing list wants to know $*",
    );
    await queuedNow();
    await dialogue(
      app.port("submission"),
      `S: 220 $*
C: EHLO client.example
S: ...
S: 250 AUTH $*
C: AUTH PLAIN ${Buffer.from("\0ann@example.test\0tea").toString("base64")}
S: 235 $*
C: MAIL FROM:<ann@example.test>
S: 250 $*
C: RCPT TO:<news@example.test>
S: ${closed}
C: RCPT TO:<staff@example.test>
S: 250 $*`,
    );
  });

  test("a list has a transaction of its own, takes no bounces, and some take nothing from outside", async () => {
    await dialogue(
      app.port("smtp"),
      `S: 220 $*
C: EHLO client.example
S: ...
S: 250 STARTTLS
C: MAIL FROM:<>
S: 250 $*
C: RCPT TO:<open@example.test>
S: 550 5.7.1 A mailing list takes no notifications: $*
C: RSET
S: 250 $*
C: MAIL FROM:<pat@plain.example>
S: 250 $*
C: RCPT TO:<staff@example.test>
S: ${closed}
C: RCPT TO:<few@example.test>
S: 250 $*
C: RCPT TO:<few@example.test>
S: 250 $*
C: RCPT TO:<ann@example.test>
S: 452 4.5.3 Send to a mailing list in a transaction of its own
C: RSET
S: 250 $*
C: MAIL FROM:<pat@plain.example>
S: 250 $*
C: RCPT TO:<ann@example.test>
S: 250 $*
C: RCPT TO:<open@example.test>
S: 452 4.5.3 $*
C: QUIT
S: 221 $*
S: <closed>`,
    );
  });

  test("nothing comes back, and no program is answered by all", async () => {
    const circle = "554 5.4.6 This message has been on the mailing list before: $*";
    const pat = "pat@plain.example";
    await fromOutside("open", pat, circle, 'List-Id: "Open" <OPEN.example.test>\r\n');
    await fromOutside("open", pat, "554 5.4.6 $*", "Delivered-To: open@example.test\r\n");
    const automatic = "550 5.7.1 An automatic answer is not for a mailing list";
    await fromOutside("open", pat, automatic, "Auto-Submitted: auto-replied (vacation)\r\n");
    await fromOutside("open", pat, QUEUED, "Auto-Submitted: auto-generated\r\n");
    assert.equal((await queuedNow()).length, 1);
  });
});
