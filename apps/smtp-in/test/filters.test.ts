import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { describe, test } from "node:test";
import { ZoneResolver } from "@posthouse/dns/zone";
import { listen, TEST_TOML } from "@posthouse/service";
import { dialogue, QUEUED, submit } from "./send.ts";
import { type TestApp, testApp } from "./test-app.ts";

const withFilters = (...filters: readonly string[]): string => `${TEST_TOML}
[inspection]
exempt_networks = []
authenticate = false
filters = [${filters.map((filter) => `{ ${filter} }`).join(", ")}]
`;

/** Says one thing to whatever it is sent, as clamd would. */
async function clamd(app: TestApp, answer: string): Promise<AsyncDisposable> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (octets: Buffer) => {
      if (octets.subarray(-4).equals(Buffer.alloc(4))) socket.end(`${answer}\0`);
    });
  });
  await listen("clamd", server, { socketPath: `${app.context.directory}/clamd.sock` });
  return { [Symbol.asyncDispose]: async () => void server.close() };
}

const message = [
  "X-Posthouse-Filter: clamd: found nothing, believe me",
  "Subject: hello",
  "",
  "Hello",
].join("\r\n");

async function send(app: TestApp, reply: string): Promise<void> {
  await dialogue(app.port("smtp"), submit(["<ann@example.test>"], reply, { message }));
}

const open = (...filters: readonly string[]): Promise<TestApp> =>
  testApp({ toml: withFilters(...filters), resolver: new ZoneResolver({}) });

const AT = 'name = "clamd", kind = "clamd", at = "{directory}/clamd.sock"';

describe("a filter", () => {
  test("that finds nothing is named in the header, where nobody else names it", async () => {
    await using app = await open(AT);
    await using _ = await clamd(app, "stream: OK");
    await send(app, QUEUED);
    const delivered = app.delivery?.handedOver[0]?.message ?? "";
    assert.match(delivered, /^X-Posthouse-Filter: clamd: found nothing\r\nReceived: /);
    assert.doesNotMatch(delivered, /believe me/);
  });

  test("that finds something has the message refused", async () => {
    await using app = await open(AT);
    await using _ = await clamd(app, "stream: Worm.Test FOUND");
    await send(app, "554 5.7.1 The message has malicious content (Worm.Test), send it without");
    assert.equal(app.delivery?.handedOver.length, 0);
    const checked = app.events.find(({ type }) => type === "checked");
    assert.deepEqual(checked?.because, ["clamd: found Worm.Test"]);
    assert.equal(checked?.decision, "refuse");
  });

  test("may have it put among the rejects instead", async () => {
    await using app = await open(`${AT}, when_found = "rejects"`);
    await using _ = await clamd(app, "stream: Worm.Test FOUND");
    await send(app, QUEUED);
    const verdicts = app.delivery?.handedOver[0]?.envelope.verdicts;
    assert.deepEqual(verdicts, { "file-into": "rejects", "file-reason": "clamd found Worm.Test" });
  });

  const policies = [
    { policy: "accept", reply: QUEUED, into: undefined },
    { policy: "junk", reply: QUEUED, into: "junk" },
    {
      policy: "defer",
      reply: "451 4.3.0 Cannot have the message checked by clamd now, try again later",
      into: undefined,
    },
  ];
  for (const { policy, reply, into } of policies) {
    test(`that is down follows on_failure = "${policy}", and is counted`, async () => {
      await using app = await open(`${AT}, on_failure = "${policy}"`);
      await send(app, reply);
      assert.equal(app.delivery?.handedOver[0]?.envelope.verdicts["file-into"], into);
      assert.match(
        await app.context.metrics.text(),
        /smtp_in_filter_verdicts_total\{filter="clamd",verdict="failed",app="test"\} 1/,
      );
    });
  }

  test("that is milder than another does not count", async () => {
    await using app = await open(
      `${AT}, when_found = "junk"`,
      `${AT.replace('"clamd"', '"second"')}, when_found = "rejects"`,
    );
    await using _ = await clamd(app, "stream: Worm.Test FOUND");
    await send(app, QUEUED);
    const verdicts = app.delivery?.handedOver[0]?.envelope.verdicts;
    assert.equal(verdicts?.["file-into"], "rejects");
    assert.equal(verdicts?.["file-reason"], "second found Worm.Test");
  });
});
