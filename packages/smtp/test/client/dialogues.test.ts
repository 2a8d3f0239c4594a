import assert from "node:assert/strict";
import { test } from "node:test";
import type { OutgoingMessage, SendOutcome, SmtpConnectOptions } from "@posthouse/smtp";
import { connectTo, message, octetsOf } from "./example-message.ts";
import { type Script, scriptedServer } from "./scripted-server.ts";

const opening = (...extensions: string[]): Script => [
  "S: 220 mx.b.test ESMTP",
  "C: EHLO client.test",
  `S: ${["250-mx.b.test", ...extensions.map((one) => `250-${one}`)].join("\r\n")}\r\n250 HELP`,
];

/** `bob@b.test 250`, `cyd@b.test 550 5.1.1` */
const told = ({ recipients }: SendOutcome): string[] =>
  recipients.map(({ address, reply }) =>
    [address, reply.code, reply.enhanced].filter((word) => word !== undefined).join(" "),
  );

const to = (...names: string[]): Partial<OutgoingMessage> => ({
  recipients: names.map((name) => ({ address: `${name}@b.test` })),
});

interface Dialogue {
  readonly name: string;
  readonly script: Script;
  readonly messages: readonly Partial<OutgoingMessage>[];
  readonly told: readonly (readonly string[])[];
  readonly options?: Partial<SmtpConnectOptions>;
}

const dialogues: Dialogue[] = [
  {
    name: "without PIPELINING each command waits for its reply (RFC 5321 §4.1.1)",
    script: [
      ...opening(),
      "C: MAIL FROM:<ann@a.test>",
      "S: 250 2.1.0 Ok",
      "C: RCPT TO:<bob@b.test>",
      "S: 250 2.1.5 Ok",
      "C: RCPT TO:<cyd@b.test>",
      "S: 550 5.1.1 No such user",
      "C: DATA",
      "S: 354 Go ahead",
      "C: Subject: hi",
      "C: ",
      "C: hello",
      "C: .",
      "S: 250 2.0.0 Queued",
      "C: QUIT",
      "S: 221 Bye",
    ],
    messages: [to("bob", "cyd")],
    told: [["bob@b.test 250 2.0.0", "cyd@b.test 550 5.1.1"]],
  },
  {
    name: "with PIPELINING the whole envelope goes out at once (RFC 2920 §3.1)",
    script: [
      ...opening("PIPELINING"),
      "C: MAIL FROM:<ann@a.test>",
      "C: RCPT TO:<bob@b.test>",
      "C: RCPT TO:<cyd@b.test>",
      "C: RCPT TO:<dan@b.test>",
      "C: DATA",
      "S: 250 Ok\r\n250-2.1.5 Welcome\r\n250 2.1.5 bob\r\n452 4.2.2 Full",
      "S: 550-5.1.1 No\r\n550 5.1.1 such user\r\n354 Go ahead",
      "C: Subject: hi",
      "C: ",
      "C: hello",
      "C: .",
      "S: 250 2.0.0 Queued",
      "C: QUIT",
      "S: 221 Bye",
    ],
    messages: [to("bob", "cyd", "dan")],
    told: [["bob@b.test 250 2.0.0", "cyd@b.test 452 4.2.2", "dan@b.test 550 5.1.1"]],
  },
  {
    name: "when MAIL is refused, that is the answer for all, and the next message is tried",
    script: [
      ...opening("PIPELINING"),
      "C: MAIL FROM:<ann@a.test>",
      "C: RCPT TO:<bob@b.test>",
      "C: DATA",
      "S: 550 5.7.1 Not from you\r\n503 MAIL first\r\n503 MAIL first",
      "C: MAIL FROM:<>",
      "C: RCPT TO:<bob@b.test>",
      "C: DATA",
      "S: 250 Ok\r\n250 Ok\r\n354 Go ahead",
      "C: Subject: hi",
      "C: ",
      "C: hello",
      "C: .",
      "S: 250 Queued",
      "C: QUIT",
      "S: 221 Bye",
    ],
    messages: [{}, { reversePath: "" }],
    told: [["bob@b.test 550 5.7.1"], ["bob@b.test 250"]],
  },
  {
    name: "when all recipients are refused and DATA is accepted, a single dot is sent (RFC 2920 §3.1)",
    script: [
      ...opening("PIPELINING"),
      "C: MAIL FROM:<ann@a.test>",
      "C: RCPT TO:<bob@b.test>",
      "C: DATA",
      "S: 250 Ok\r\n550 No\r\n354 Go ahead",
      "C: .",
      "S: 554 No recipients",
      "C: QUIT",
      "S: 221 Bye",
    ],
    messages: [{}],
    told: [["bob@b.test 550"]],
  },
  {
    name: "a transaction that was left open is reset before the next",
    script: [
      ...opening("PIPELINING"),
      "C: MAIL FROM:<ann@a.test>",
      "C: RCPT TO:<bob@b.test>",
      "C: DATA",
      "S: 250 Ok\r\n450 4.2.1 Later\r\n503 No recipients",
      "C: RSET",
      "S: 250 Ok",
      "C: MAIL FROM:<ann@a.test>",
      "C: RCPT TO:<cyd@b.test>",
      "C: DATA",
      "S: 250 Ok\r\n250 Ok\r\n451 4.3.0 Not now",
      "C: QUIT",
      "S: 221 Bye",
    ],
    messages: [{}, to("cyd")],
    told: [["bob@b.test 450 4.2.1"], ["cyd@b.test 451 4.3.0"]],
  },
  {
    name: "a server that does not know EHLO is greeted with HELO, and offered no parameters",
    script: [
      "S: 220 old.b.test",
      "C: EHLO client.test",
      "S: 502 What?",
      "C: HELO client.test",
      "S: 250 old.b.test",
      "C: MAIL FROM:<ann@a.test>",
      "S: 250 Ok",
      "C: RCPT TO:<bob@b.test>",
      "S: 250 Ok",
      "C: DATA",
      "S: 354 Go ahead",
      "C: Subject: hi",
      "C: ",
      "C: hello",
      "C: .",
      "S: 250 Ok",
      "C: QUIT",
      "S: 221 Bye",
    ],
    messages: [
      {
        body: "8BITMIME",
        sizeBytes: 22,
        mailParameters: { RET: "HDRS", ENVID: "x" },
        recipients: [{ address: "bob@b.test", parameters: { NOTIFY: "NEVER" } }],
      },
    ],
    told: [["bob@b.test 250"]],
  },
  {
    name: "parameters go to a server that offers their extensions",
    script: [
      ...opening("8BITMIME", "SIZE 1000", "DSN", "SMTPUTF8", "CHUNKING"),
      "C: MAIL FROM:<ann@a.test> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B1",
      "S: 250 Ok",
      "C: RCPT TO:<jürgen@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob@b.test",
      "S: 250 Ok",
      "C: BDAT 5 LAST",
      "C: hey",
      "S: 250 Ok",
      "C: QUIT",
      "S: 221 Bye",
    ],
    messages: [
      {
        body: "8BITMIME",
        sizeBytes: 5,
        octets: octetsOf("he", "y\r", "\n"),
        mailParameters: { RET: "HDRS", ENVID: "QQ+2B1", "MT-PRIORITY": "3" },
        recipients: [
          {
            address: "jürgen@b.test",
            parameters: { NOTIFY: "SUCCESS,DELAY", ORCPT: "rfc822;bob@b.test" },
          },
        ],
      },
    ],
    told: [["jürgen@b.test 250"]],
  },
  {
    name: "552 5.5.3 for too many recipients is a 452 (RFC 5321 §4.5.3.1.10), and another 552 is not",
    script: [
      ...opening("PIPELINING"),
      "C: MAIL FROM:<ann@a.test>",
      "C: RCPT TO:<bob@b.test>",
      "C: RCPT TO:<cyd@b.test>",
      "C: DATA",
      "S: 250 Ok\r\n552 5.5.3 Too many\r\n552 5.2.2 Full\r\n503 No recipients",
      "C: QUIT",
      "S: 221 Bye",
    ],
    messages: [to("bob", "cyd")],
    told: [["bob@b.test 452 4.5.3", "cyd@b.test 552 5.2.2"]],
  },
  {
    name: "LMTP answers for each recipient after the data (RFC 2033 §4.2)",
    options: { flavour: "lmtp" },
    script: [
      "S: 220 lmtp",
      "C: LHLO client.test",
      "S: 250-lmtp\r\n250 PIPELINING",
      "C: MAIL FROM:<ann@a.test>",
      "C: RCPT TO:<bob@b.test>",
      "C: RCPT TO:<cyd@b.test>",
      "C: RCPT TO:<dan@b.test>",
      "C: DATA",
      "S: 250 Ok\r\n250 Ok\r\n550 5.1.1 No\r\n250 Ok\r\n354 Go ahead",
      "C: Subject: hi",
      "C: ",
      "C: hello",
      "C: .",
      "S: 250 2.0.0 Kept",
      "S: 452 4.2.2 Full",
      "C: QUIT",
      "S: 221 Bye",
    ],
    messages: [to("bob", "cyd", "dan")],
    told: [["bob@b.test 250 2.0.0", "cyd@b.test 550 5.1.1", "dan@b.test 452 4.2.2"]],
  },
  {
    name: "LMTP answers for each recipient after BDAT LAST too (RFC 2033 §4.3), also for one named twice",
    options: { flavour: "lmtp" },
    script: [
      "S: 220 lmtp",
      "C: LHLO client.test",
      "S: 250-lmtp\r\n250-PIPELINING\r\n250 CHUNKING",
      "C: MAIL FROM:<ann@a.test> XENVELOPE=e30",
      "C: RCPT TO:<bob@b.test>",
      "C: RCPT TO:<bob@b.test>",
      "S: 250 Ok\r\n250 Ok\r\n250 Ok",
      "C: BDAT 22 LAST",
      "C: Subject: hi",
      "C: ",
      "C: hello",
      "S: 250 2.0.0 Kept\r\n451 4.3.0 Later",
      "C: QUIT",
      "S: 221 Bye",
    ],
    messages: [{ ...to("bob", "bob"), mailParameters: { XENVELOPE: "e30" } }],
    told: [["bob@b.test 250 2.0.0", "bob@b.test 451 4.3.0"]],
  },
  {
    name: "a message sent at once goes out with its envelope; the refused of them have no last reply",
    options: { flavour: "lmtp" },
    script: [
      "S: 220 lmtp",
      "C: LHLO client.test",
      "S: 250-lmtp\r\n250-PIPELINING\r\n250 CHUNKING",
      "C: MAIL FROM:<ann@a.test>",
      "C: RCPT TO:<bob@b.test>",
      "C: RCPT TO:<cyd@b.test>",
      "C: BDAT 22 LAST",
      "C: Subject: hi",
      "C: ",
      "C: hello",
      "S: 250 Ok\r\n250 Ok\r\n550 5.1.1 No\r\n250 2.0.0 Kept",
      "C: QUIT",
      "S: 221 Bye",
    ],
    messages: [{ ...to("bob", "cyd"), sizeBytes: 22, isSentAtOnce: true }],
    told: [["bob@b.test 250 2.0.0", "cyd@b.test 550 5.1.1"]],
  },
  {
    name: "a message sent at once to nobody has its one reply to BDAT, and the session goes on",
    options: { flavour: "lmtp" },
    script: [
      "S: 220 lmtp",
      "C: LHLO client.test",
      "S: 250-lmtp\r\n250-PIPELINING\r\n250 CHUNKING",
      "C: MAIL FROM:<ann@a.test>",
      "C: RCPT TO:<bob@b.test>",
      "C: BDAT 22 LAST",
      "C: Subject: hi",
      "C: ",
      "C: hello",
      "S: 250 Ok\r\n550 5.1.1 No\r\n503 5.5.1 No recipients",
      "C: RSET",
      "S: 250 Ok",
      "C: MAIL FROM:<ann@a.test>",
      "C: RCPT TO:<cyd@b.test>",
      "C: BDAT 22 LAST",
      "C: Subject: hi",
      "C: ",
      "C: hello",
      "S: 452 4.3.1 Full\r\n503 5.5.1 MAIL first\r\n503 5.5.1 MAIL first",
      "C: QUIT",
      "S: 221 Bye",
    ],
    messages: ["bob", "cyd"].map((name) => ({ ...to(name), sizeBytes: 22, isSentAtOnce: true })),
    told: [["bob@b.test 550 5.1.1"], ["cyd@b.test 452 4.3.1"]],
  },
  {
    name: "421 to a recipient ends the session, and is the answer for all that have none",
    script: [
      ...opening("PIPELINING"),
      "C: MAIL FROM:<ann@a.test>",
      "C: RCPT TO:<bob@b.test>",
      "C: RCPT TO:<cyd@b.test>",
      "C: DATA",
      "S: 250 Ok\r\n550 5.1.1 No\r\n421 4.3.2 Going down",
      "close",
    ],
    messages: [to("bob", "cyd")],
    told: [["bob@b.test 550 5.1.1", "cyd@b.test 421 4.3.2"]],
  },
];

for (const { name, script, messages, told: expected, options = {} } of dialogues) {
  test(name, async () => {
    await using server = await scriptedServer(script);
    const session = await connectTo(server.port, options);
    const outcomes: string[][] = [];
    for (const one of messages) outcomes.push(told(await session.send(message(one))));
    assert.deepEqual(outcomes, expected);
    await session.quit();
    await server.played;
  });
}

test("an address that is refused here is not asked for, and the others are", async () => {
  await using server = await scriptedServer([
    ...opening(),
    "C: MAIL FROM:<ann@a.test>",
    "S: 250 Ok",
    'C: RCPT TO:<"a b>"@b.test>',
    "S: 250 Ok",
    "C: DATA",
    "S: 554 5.6.0 No",
    "C: QUIT",
    "S: 221 Bye",
  ]);
  const session = await connectTo(server.port);
  const recipients = ["x@b.test>\r\nRCPT TO:<y@b.test", "", '"a b>"@b.test', "a b@b.test"];
  const outcome = await session.send(
    message({ recipients: recipients.map((address) => ({ address })) }),
  );
  assert.deepEqual(
    outcome.recipients.map(({ phase, reply }) => `${phase} ${reply.enhanced}`),
    ["local 5.1.3", "local 5.1.3", "data 5.6.0", "local 5.1.3"],
  );
  await session.quit();
  await server.played;
});

const impossible: { name: string; more: Partial<OutgoingMessage>; enhanced: string }[] = [
  { name: "UTF-8 headers without SMTPUTF8", more: { smtpUtf8: true }, enhanced: "5.6.7" },
  {
    name: "a UTF-8 sender without SMTPUTF8",
    more: { reversePath: "änn@a.test" },
    enhanced: "5.6.7",
  },
  { name: "a UTF-8 recipient without SMTPUTF8", more: to("böb"), enhanced: "5.6.7" },
  { name: "BINARYMIME without BINARYMIME", more: { body: "BINARYMIME" }, enhanced: "5.6.3" },
  {
    name: "REQUIRETLS without REQUIRETLS",
    more: { mailParameters: { REQUIRETLS: true } },
    enhanced: "5.7.30",
  },
  { name: "more octets than SIZE allows", more: { sizeBytes: 1001 }, enhanced: "5.3.4" },
  {
    name: "a sender with a line end",
    more: { reversePath: "a@a.test>\r\nDATA" },
    enhanced: "5.1.7",
  },
  {
    name: "a parameter with a line end",
    more: { mailParameters: { XA: "a\r\nDATA" } },
    enhanced: "5.5.4",
  },
];
for (const { name, more, enhanced } of impossible) {
  test(`a message with ${name} cannot be sent, and nothing is said of it`, async () => {
    await using server = await scriptedServer([
      ...opening("SIZE 1000", "CHUNKING"),
      "C: QUIT",
      "S: 221 Bye",
    ]);
    const session = await connectTo(server.port);
    const outcome = await session.send(message(more));
    assert.equal(outcome.kind, "cannot-send");
    assert.deepEqual(
      outcome.recipients.map(({ phase, reply }) => [phase, reply.enhanced]),
      [["local", enhanced]],
    );
    assert.equal(session.isUsable, true);
    await session.quit();
    await server.played;
  });
}

test("octets above 127 do not go to a server without 8BITMIME, and what was begun is cut off (RFC 6152 §3)", async () => {
  await using server = await scriptedServer([
    ...opening(),
    "C: MAIL FROM:<ann@a.test>",
    "S: 250 Ok",
    "C: RCPT TO:<bob@b.test>",
    "S: 250 Ok",
    "C: DATA",
    "S: 354 Go ahead",
    "C: Subject: hi",
    "C: (the end)",
  ]);
  const session = await connectTo(server.port);
  const outcome = await session.send(
    message({ body: "8BITMIME", octets: octetsOf("Subject: hi\r\n", "\r\n", "hällo\r\n") }),
  );
  assert.equal(outcome.kind, "cannot-send");
  assert.equal(outcome.recipients[0]?.reply.enhanced, "5.6.3");
  assert.equal(session.isUsable, false);
  await server.played;
});

test("lines that begin with a dot get another, and a missing last line end is added", async () => {
  await using server = await scriptedServer([
    ...opening(),
    "C: MAIL FROM:<ann@a.test>",
    "S: 250 Ok",
    "C: RCPT TO:<bob@b.test>",
    "S: 250 Ok",
    "C: DATA",
    "S: 354 Go ahead",
    "C: ..",
    "C: ...x",
    "C: y.",
    "C: .",
    "S: 250 Ok",
    "C: QUIT",
    "S: 221 Bye",
  ]);
  const session = await connectTo(server.port);
  await session.send(message({ octets: octetsOf(".", "\r", "\n", "..x\r\ny", ".") }));
  await session.quit();
  await server.played;
});

test("a long list of recipients goes out in several groups", async () => {
  const names = Array.from({ length: 450 }, (_, index) => `r${index}`);
  const rcpts = names.map((name) => `C: RCPT TO:<${name}@b.test>`);
  const oks = (count: number) => `S: ${Array.from({ length: count }, () => "250 Ok").join("\r\n")}`;
  await using server = await scriptedServer([
    ...opening("PIPELINING", "CHUNKING"),
    "C: MAIL FROM:<ann@a.test>",
    ...rcpts.slice(0, 199),
    oks(200),
    ...rcpts.slice(199, 399),
    oks(200),
    ...rcpts.slice(399),
    oks(51),
    "C: BDAT 2 LAST",
    "C: ",
    "S: 250 Ok",
    "C: QUIT",
    "S: 221 Bye",
  ]);
  const session = await connectTo(server.port);
  const outcome = await session.send(message({ ...to(...names), octets: octetsOf("\r\n") }));
  assert.equal(outcome.recipients.filter(({ reply }) => reply.code === 250).length, 450);
  await session.quit();
  await server.played;
});
