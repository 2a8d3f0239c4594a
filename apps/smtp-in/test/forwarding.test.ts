import assert from "node:assert/strict";
import { test } from "node:test";
import { TEST_TOML } from "@posthouse/service";
import { dialogue, QUEUED, submit } from "./send.ts";
import { queuedMail, testApp } from "./test-app.ts";

const REWRITTEN = "SRS0=test=remote.example=sender@example.test";

/** Sender and recipients of what is in the queue. */
const sendersIn = async (app: Parameters<typeof queuedMail>[0]) =>
  (await queuedMail(app)).map(
    ({ envelope }) =>
      `${envelope.reversePath} to ${envelope.recipients.map(({ address }) => address).join(", ")}`,
  );

test("what an alias sends on bears a sender of ours, and what is delivered here its own", async () => {
  await using app = await testApp();
  await dialogue(app.port("smtp"), submit(["<away@example.test>"], QUEUED));
  assert.deepEqual(
    app.delivery?.handedOver.map(({ envelope }) => envelope.reversePath),
    ["sender@remote.example"],
  );
  assert.deepEqual(await sendersIn(app.context), [`${REWRITTEN} to ann@elsewhere.example`]);
});

test("what has to be tried again here keeps its sender too", async () => {
  await using app = await testApp({ isDeliveryDown: true });
  await dialogue(app.port("smtp"), submit(["<away@example.test>"], QUEUED));
  assert.deepEqual((await sendersIn(app.context)).toSorted(), [
    `${REWRITTEN} to ann@elsewhere.example`,
    "sender@remote.example to ann@example.test",
  ]);
});

test("what people here send stays theirs, and a bounce nobody's", async () => {
  await using app = await testApp();
  const message = "From: <ann@example.test>\r\n\r\nHello";
  const login = { sender: "ann@example.test", login: "ann@example.test", message };
  await dialogue(app.port("submission"), submit(["<away@example.test>"], QUEUED, login));
  await dialogue(app.port("smtp"), submit(["<away@example.test>"], QUEUED, { sender: "" }));
  assert.deepEqual((await sendersIn(app.context)).toSorted(), [
    " to ann@elsewhere.example",
    "ann@example.test to ann@elsewhere.example",
  ]);
});

test("what waits here for the host that it was sent to keeps its sender", async () => {
  const secondary = `[smtp_in]\nsecondary_for = [{ domains = ["branch.example"] }]`;
  await using app = await testApp({ toml: TEST_TOML.replace("[smtp_in]", secondary) });
  await dialogue(app.port("smtp"), submit(["<bob@branch.example>"], QUEUED));
  assert.deepEqual(await sendersIn(app.context), ["sender@remote.example to bob@branch.example"]);
});
