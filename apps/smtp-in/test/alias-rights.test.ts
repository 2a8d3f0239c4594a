import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { dialogue } from "./send.ts";
import { type TestApp, testApp } from "./test-app.ts";

let app: TestApp;
before(async () => {
  app = await testApp();
});
after(() => app[Symbol.asyncDispose]());

const NO = "550 5.7.2 You may not send to this address: log in as one of those whom it is for";
const OK = "250 2.1.5 Recipient ok";

const cases = [
  { who: "a stranger", login: undefined, people: NO, members: NO },
  { who: "somebody here who is no member", login: "bob@example.test", people: OK, members: NO },
  { who: "a member", login: "ann@example.test", people: OK, members: OK },
] as const;
for (const { who, login, people, members } of cases) {
  test(`${who} may send to an alias for people or for members, or not`, async () => {
    const auth = Buffer.from(`\0${login}\0tea`).toString("base64");
    await dialogue(
      app.port(login === undefined ? "smtp" : "submission"),
      [
        "S: 220 $*",
        "C: EHLO client.example",
        "S: ...",
        ...(login === undefined
          ? ["S: 250 STARTTLS"]
          : ["S: 250 AUTH $*", `C: AUTH PLAIN ${auth}`, "S: 235 $*"]),
        `C: MAIL FROM:<${login ?? "sam@remote.example"}>`,
        "S: 250 $*",
        "C: RCPT TO:<people@example.test>",
        `S: ${people}`,
        "C: RCPT TO:<members@example.test>",
        `S: ${members}`,
        "C: QUIT",
        "S: 221 $*",
        "S: <closed>",
      ].join("\n"),
    );
  });
}

test("the trail tells who was refused", () => {
  const refused = app.events.filter(({ type }) => type === "refused");
  assert.equal(refused.length, 3);
});
