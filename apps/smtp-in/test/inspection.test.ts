import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Zone, ZoneResolver } from "@posthouse/dns/zone";
import { TEST_TOML } from "@posthouse/service";
import { dialogue, QUEUED, submit } from "./send.ts";
import { type TestApp, type TestAppOptions, testApp } from "./test-app.ts";

const INSPECTED = `${TEST_TOML}
[inspection]
exempt_networks = []
`;

const zone: Zone = {
  "ptr 127.0.0.1": { PTR: ["out.example.org"] },
  "out.example.org": { A: ["127.0.0.1"] },
  "good.example": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] },
  "_dmarc.good.example": { TXT: ["v=DMARC1; p=reject"] },
  "bank.example": { TXT: ["v=spf1 -all"] },
  "_dmarc.bank.example": { TXT: ["v=DMARC1; p=reject"] },
  "shop.example": { TXT: ["v=spf1 -all"] },
  "_dmarc.shop.example": { TXT: ["v=DMARC1; p=quarantine"] },
  "slow.example": "timeout",
  "_dmarc.slow.example": { TXT: ["v=DMARC1; p=reject"] },
  "dark.example": "timeout",
  "_dmarc.dark.example": "timeout",
};

const inspecting = (options: TestAppOptions = {}): Promise<TestApp> =>
  testApp({ toml: INSPECTED, resolver: new ZoneResolver(zone), ...options });

const from = (domain: string, more = ""): string =>
  `${more}From: <sam@${domain}>\r\nTo: <ann@example.test>\r\nSubject: Hello\r\nMessage-ID: <1@${domain}>\r\n\r\nHello.\r\n`;

/** Sends one message; the reply to it has to be as given. */
async function send(
  app: TestApp,
  mail: { readonly from: string; readonly message: string },
  reply: string,
): Promise<void> {
  const message = mail.message.replace(/\r\n$/, "");
  const lines = submit(["<ann@example.test>"], reply, { sender: mail.from, message });
  await dialogue(app.port("smtp"), lines);
}

describe("mail from outside", () => {
  /** A thread with mailauth takes a quarter of a second to start, so most tests share one app. */
  let app: TestApp;
  before(async () => {
    app = await inspecting();
  });
  after(() => app[Symbol.asyncDispose]());
  beforeEach(() => {
    app.delivery?.handedOver.splice(0);
  });

  test("that passes has its results in front, for readers, and in its envelope", async () => {
    await send(app, { from: "sam@good.example", message: from("good.example") }, QUEUED);
    const [delivered] = app.delivery?.handedOver ?? [];
    assert.ok(delivered);
    assert.equal(
      delivered.message.slice(0, delivered.message.indexOf("Received:")),
      [
        "Authentication-Results: mail.example.test;",
        "\tiprev=pass policy.iprev=127.0.0.1;",
        "\tspf=pass smtp.mailfrom=good.example;",
        "\tdkim=none;",
        "\tdmarc=pass header.from=good.example policy.dmarc=reject",
        "X-Posthouse-Auth: DMARC pass: SPF for good.example vouches for good.example in its From;",
        "\tSPF pass: good.example lets 127.0.0.1 send its mail;",
        "\tDKIM none: nobody signed it;",
        "\tClient's name pass: 127.0.0.1 is out.example.org",
        "",
      ].join("\r\n"),
    );
    assert.deepEqual(delivered.envelope.verdicts, {
      spf: "pass",
      dkim: "none",
      dmarc: "pass",
      arc: "none",
      iprev: "pass",
    });
    const checked = app.events.find(({ type }) => type === "checked");
    assert.equal(checked?.messageId, delivered.envelope.messageId);
    assert.equal(checked?.decision, "take");
  });

  test("that its author's domain wants refused is refused, with what to do about it", async () => {
    const reply =
      "550 5.7.1 bank.example asks to refuse mail in its name that neither SPF nor DKIM shows to be its own (DMARC). Send it through that domain's servers, or have it signed with its DKIM key";
    await send(app, { from: "sam@bank.example", message: from("bank.example") }, reply);
    assert.equal(app.delivery?.handedOver.length, 0);
  });

  test("that it wants treated with suspicion goes into Junk", async () => {
    await send(app, { from: "sam@shop.example", message: from("shop.example") }, QUEUED);
    const verdicts = app.delivery?.handedOver[0]?.envelope.verdicts;
    assert.equal(verdicts?.["file-into"], "junk");
    assert.match(verdicts?.["file-reason"] ?? "", /shop\.example asks to treat such mail/);
  });

  test("is only reported on when the configuration says so", async () => {
    await using app = await inspecting({ toml: `${INSPECTED}dmarc = "report"\n` });
    await send(app, { from: "sam@bank.example", message: from("bank.example") }, QUEUED);
    assert.match(app.delivery?.handedOver[0]?.message ?? "", /dmarc=fail header.from=bank.example/);
  });

  test("is put off when only the DNS keeps us from knowing whether to refuse it", async () => {
    await send(
      app,
      { from: "sam@slow.example", message: from("slow.example") },
      "451 4.7.0 The DNS does not tell now whether slow.example sent this, try again later",
    );
  });

  test("is taken when that has lasted too long", async () => {
    await using app = await inspecting({ toml: `${INSPECTED}defer_seconds_max = 0\n` });
    await send(app, { from: "sam@slow.example", message: from("slow.example") }, QUEUED);
    assert.match(app.delivery?.handedOver[0]?.message ?? "", /dmarc=temperror header.from=slow/);
  });

  test("is taken when nothing can be found out about it", async () => {
    await send(app, { from: "sam@dark.example", message: from("dark.example") }, QUEUED);
    assert.equal(app.delivery?.handedOver[0]?.envelope.verdicts.dmarc, "temperror");
  });

  test("loses results that bear our name, and keeps those of others", async () => {
    const forged = [
      "Authentication-Results: mail.example.test; dmarc=pass header.from=bank.example",
      "Authentication-Results: (x) MAIL.EXAMPLE.TEST 1; spf=pass",
      "X-Posthouse-Auth: DMARC pass: believe me",
      "Authentication-Results: mx.good.example; spf=pass",
      "",
    ].join("\r\n");
    const message = from("good.example", forged);
    await send(app, { from: "sam@good.example", message }, QUEUED);
    const delivered = app.delivery?.handedOver[0]?.message ?? "";
    assert.doesNotMatch(delivered, /believe me|MAIL\.EXAMPLE|header\.from=bank/);
    assert.ok(
      delivered.endsWith(
        from("good.example", "Authentication-Results: mx.good.example; spf=pass\r\n"),
      ),
    );
  });

  test("from a client that is exempt is not looked at, and cannot forge either", async () => {
    const resolver = new ZoneResolver(zone);
    await using app = await testApp({ resolver });
    const forged = "Authentication-Results: mail.example.test; dmarc=pass\r\n";
    await send(
      app,
      {
        from: "sam@bank.example",
        message: from("bank.example", forged),
      },
      QUEUED,
    );
    assert.deepEqual(resolver.asked, []);
    assert.doesNotMatch(app.delivery?.handedOver[0]?.message ?? "", /Authentication-Results/);
  });

  test("with two From fields is refused", async () => {
    const message = from("good.example", "From: <ceo@bank.example>\r\n");
    await send(
      app,
      { from: "sam@good.example", message },
      "550 5.6.0 The message has more than one From field, $*",
    );
  });
});
