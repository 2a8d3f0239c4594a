import assert from "node:assert/strict";
import { test } from "node:test";
import { composeDsn, type DsnInput, type Envelope } from "@posthouse/smtp";
import fc from "fast-check";
import { dsnLimits } from "../../src/dsn/limits.ts";

const envelope: Envelope = {
  version: 1,
  messageId: "m1",
  receivedAtMs: Date.UTC(2024, 1, 29, 12, 0, 0),
  client: { address: "192.0.2.1", helo: "pc.a.test", protocol: "ESMTPSA" },
  reversePath: "ann@a.test",
  recipients: [],
  body: "7BIT",
  smtpUtf8: false,
  envid: "QQ=1",
  requireTls: false,
  priority: 0,
  verdicts: {},
};
const original = "Subject: hi\r\nMessage-ID: <orig@a.test>\r\n\r\nbody\r\n";

const input = (more: Partial<DsnInput> = {}): DsnInput => ({
  kind: "failed",
  envelope,
  reportingMta: "mx.a.test",
  recipients: [
    {
      address: "alias-target@b.test",
      originalAddress: "bob@b.test",
      orcpt: "rfc822;robert@b.test",
      diagnostic: { code: 550, enhanced: "5.1.1", text: "No such\nuser here" },
      remoteMta: "mx.b.test",
      lastAttemptMs: Date.UTC(2024, 1, 29, 12, 5, 0),
    },
  ],
  original: { octets: Buffer.from(original), sizeBytes: original.length },
  nowMs: Date.UTC(2024, 1, 29, 12, 6, 0),
  messageId: "dsn1@mx.a.test",
  from: "Mail delivery <postmaster@mx.a.test>",
  ...more,
});

interface Part {
  readonly header: string;
  readonly content: string;
}

/** The header and the parts, by the boundary that the header names. */
async function composed(more: Partial<DsnInput> = {}) {
  const dsn = composeDsn(input(more));
  const octets = Buffer.concat(await Array.fromAsync(dsn));
  const text = octets.toString("utf8");
  const boundary = /boundary="([^"]+)"/.exec(text)?.[1] ?? assert.fail("no boundary");
  const [header = "", ...rest] = text.split(`\r\n--${boundary}`);
  assert.equal(rest.pop(), "--\r\n");
  const parts = rest.map((part): Part => {
    const end = part.indexOf("\r\n\r\n");
    return { header: part.slice(2, end), content: part.slice(end + 4) };
  });
  return {
    dsn,
    octets,
    header,
    explanation: parts[0] as Part,
    status: parts[1] as Part,
    returned: parts[2] as Part,
  };
}

test("a notification says what it is, and that no machine should answer it", async () => {
  const { header, dsn } = await composed();
  assert.match(header, /^From: Mail delivery <postmaster@mx\.a\.test>\r\nTo: <ann@a\.test>\r\n/);
  assert.match(header, /\r\nDate: Thu, 29 Feb 2024 12:06:00 \+0000\r\n/);
  assert.match(header, /\r\nMessage-ID: <dsn1@mx\.a\.test>\r\n/);
  assert.match(header, /\r\nIn-Reply-To: <orig@a\.test>\r\n/);
  assert.match(header, /\r\nAuto-Submitted: auto-replied\r\n/);
  assert.match(header, /\r\nContent-Type: multipart\/report; report-type=delivery-status;\r\n/);
  assert.equal(dsn.smtpUtf8, false);
});

test("people are told in the first paragraph what happened, what was said, what it means and what to do", async () => {
  const { explanation } = await composed();
  const [first = "", second = ""] = explanation.content.split("\r\n\r\n");
  assert.equal(
    first.replaceAll("\r\n", " "),
    'Your message to bob@b.test could not be delivered, and is not tried any more. We tried the mail server mx.b.test, and it answered: "550 5.1.1 No such user here" There is no such address at the other side. What you can do: check the address for a typing error, and ask the recipient in another way whether it is still in use.',
  );
  assert.match(second, /^This is the mail server mx\.a\.test\./);
  assert.doesNotMatch(explanation.content, /alias-target/);
});

test("several recipients stand in a list, each with what was said and what it means", async () => {
  const [recipient] = input().recipients;
  assert.ok(recipient !== undefined);
  const full = { code: 452, enhanced: "4.2.2", text: "Over quota" };
  const { explanation } = await composed({
    recipients: [recipient, { ...recipient, originalAddress: "eve@b.test", diagnostic: full }],
  });
  const text = explanation.content.replaceAll("\r\n", "\n");
  assert.match(text, /^Your message could not be delivered to these recipients/);
  assert.match(
    text,
    / {2}bob@b\.test\n {4}mx\.b\.test answered:\n {4}550 5\.1\.1 No such user here\n {4}There is no such address/,
  );
  assert.match(
    text,
    / {2}eve@b\.test\n.*\n {4}452 4\.2\.2 Over quota\n {4}The recipient's mailbox is full\./,
  );
  assert.match(text, /What you can do: check the address/);
  assert.match(text, /What you can do: tell the recipient/);
});

test("the fields of RFC 3464 are there, and a forwarding address is not told", async () => {
  const { status } = await composed();
  assert.equal(
    status.header,
    "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: 7bit",
  );
  assert.deepEqual(status.content.split("\r\n"), [
    "Original-Envelope-Id: QQ=1",
    "Reporting-MTA: dns; mx.a.test",
    "Received-From-MTA: dns; pc.a.test",
    "Arrival-Date: Thu, 29 Feb 2024 12:00:00 +0000",
    "",
    "Original-Recipient: rfc822;robert@b.test",
    "Final-Recipient: rfc822;bob@b.test",
    "Action: failed",
    "Status: 5.1.1",
    "Remote-MTA: dns; mx.b.test",
    "Diagnostic-Code: smtp; 550 5.1.1 No such user here",
    "Last-Attempt-Date: Thu, 29 Feb 2024 12:05:00 +0000",
    "Final-Log-ID: m1",
    "",
  ]);
});

test("a delay says until when it is tried, and that nothing has to be done", async () => {
  const [recipient] = input().recipients;
  assert.ok(recipient !== undefined);
  const { status, explanation, returned } = await composed({
    kind: "delayed",
    recipients: [
      {
        ...recipient,
        diagnostic: { code: 451, enhanced: "4.7.1", text: "Later" },
        willRetryUntilMs: Date.UTC(2024, 2, 5, 12, 0, 0),
      },
    ],
  });
  assert.match(status.content, /Action: delayed\r\nStatus: 4\.7\.1\r\n/);
  assert.match(status.content, /Will-Retry-Until: Tue, 05 Mar 2024 12:00:00 \+0000\r\n/);
  assert.match(explanation.content.replaceAll("\r\n", " "), /You need not send it again/);
  // RFC 3461 §6.2: without a failure only the header.
  assert.match(returned.header, /text\/rfc822-headers/);
});

const statuses = [
  { kind: "failed", diagnostic: "No mail server was found", expected: "5.0.0" },
  { kind: "failed", diagnostic: { code: 451, enhanced: "4.4.2", text: "" }, expected: "4.4.2" },
  { kind: "failed", diagnostic: { code: 550, enhanced: "2.0.0", text: "" }, expected: "5.0.0" },
  { kind: "relayed", diagnostic: { code: 250, text: "Ok" }, expected: "2.0.0" },
  { kind: "delivered", status: "2.1.5", expected: "2.1.5" },
  { kind: "expanded", status: "5.1.1", expected: "2.0.0" },
] as const;
for (const { kind, expected, ...recipient } of statuses) {
  test(`${kind} with ${JSON.stringify(recipient)} has status ${expected}`, async () => {
    const { status } = await composed({
      kind,
      recipients: [{ address: "bob@b.test", ...recipient }],
    });
    assert.match(
      status.content,
      new RegExp(`Action: ${kind}\r\nStatus: ${expected.replaceAll(".", "\\.")}\r\n`),
    );
  });
}

const large = dsnLimits.wholeMessageBytesMax + 1;
const returns = [
  { name: "RET=FULL", ret: "FULL", sizeBytes: large, type: "message/rfc822" },
  { name: "RET=HDRS", ret: "HDRS", sizeBytes: 10, type: "text/rfc822-headers" },
  { name: "no RET and a small message", sizeBytes: 10, type: "message/rfc822" },
  { name: "no RET and a large message", sizeBytes: large, type: "text/rfc822-headers" },
  {
    name: "RET=FULL and a huge message",
    ret: "FULL",
    sizeBytes: dsnLimits.requestedMessageBytesMax + 1,
    type: "text/rfc822-headers",
  },
  { name: "an unknown size", ret: "FULL", type: "text/rfc822-headers" },
  {
    name: "binary octets",
    ret: "FULL",
    sizeBytes: 10,
    body: "BINARYMIME",
    type: "text/rfc822-headers",
  },
  { name: "UTF-8 headers", ret: "FULL", sizeBytes: 10, smtpUtf8: true, type: "message/global" },
  {
    name: "UTF-8 headers and RET=HDRS",
    ret: "HDRS",
    sizeBytes: 10,
    smtpUtf8: true,
    type: "message/global-headers",
  },
] as const;
for (const { name, type, ...given } of returns) {
  test(`with ${name}, ${type} comes back`, async () => {
    const {
      body = "7BIT",
      smtpUtf8 = false,
      ...rest
    } = { body: undefined, smtpUtf8: undefined, ...given };
    const { returned } = await composed({
      envelope: { ...envelope, body: body ?? "7BIT", smtpUtf8: smtpUtf8 ?? false },
      original: { octets: Buffer.from(original), ...rest },
    });
    assert.equal(/^Content-Type: (\S+)/.exec(returned.header)?.[1], type);
    const isWhole = type === "message/rfc822" || type === "message/global";
    assert.equal(
      returned.content,
      isWhole ? original : original.slice(0, original.indexOf("\r\n\r\n") + 2),
    );
  });
}

test("a streamed message comes back octet for octet, and only as fast as it is read", async () => {
  let read = 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const chunk of ["Subject: hi\r", "\n\r", "\nbody ", "é".repeat(100), "\r\n"]) {
      read += 1;
      yield Buffer.from(chunk);
    }
  }
  const dsn = composeDsn(input({ original: { octets: chunks(), sizeBytes: 230, ret: "FULL" } }));
  const iterator = dsn[Symbol.asyncIterator]();
  await iterator.next();
  assert.equal(read, 3);
  const rest = await Array.fromAsync({ [Symbol.asyncIterator]: () => iterator });
  assert.ok(
    Buffer.concat(rest).includes(`\r\n\r\nSubject: hi\r\n\r\nbody ${"é".repeat(100)}\r\n\r\n--`),
  );
  assert.equal(dsn.body, "8BITMIME");
});

test("a header without end is cut at a line's end", async () => {
  const line = `X: ${"y".repeat(95)}\r\n`;
  const { returned } = await composed({ original: { octets: Buffer.from(line.repeat(2000)) } });
  assert.ok(returned.content.length <= dsnLimits.headerBytesMax);
  assert.ok(returned.content.endsWith(line));
});

test("UTF-8 addresses stand as they are where the sender knows them, else escaped (RFC 6533 §3)", async () => {
  const recipients = [{ address: "jürgen@b.test", diagnostic: { code: 550, text: "größer" } }];
  const plain = await composed({ recipients });
  assert.match(plain.status.content, /Final-Recipient: utf-8;j\\x\{FC\}rgen@b\.test\r\n/);
  assert.match(plain.status.content, /Diagnostic-Code: smtp; 550 gr\?\?er\r\n/);
  const global = await composed({
    recipients,
    envelope: { ...envelope, smtpUtf8: true, reversePath: "änn@a.test" },
  });
  assert.match(
    global.status.header,
    /message\/global-delivery-status\r\nContent-Transfer-Encoding: 8bit/,
  );
  assert.match(global.status.content, /Final-Recipient: utf-8;jürgen@b\.test\r\n/);
  assert.deepEqual([global.dsn.smtpUtf8, global.dsn.body], [true, "8BITMIME"]);
});

test("nothing that others said begins a field, a part or a line too long, and 7bit is 7 bit", async () => {
  const said = fc.string({
    unit: fc.constantFrom("a", " ", "\r", "\n", "é", "\0", ":", "--", "\u2028", "x".repeat(400)),
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(said, said, said, said, async (text, helo, address, header) => {
      const {
        octets,
        header: own,
        status,
        dsn,
      } = await composed({
        envelope: { ...envelope, client: { ...envelope.client, helo } },
        recipients: [{ address, diagnostic: { code: 550, text }, remoteMta: helo }],
        original: { octets: Buffer.from(`X: ${header.replace(/[\r\n]/g, "")}\r\n\r\n`) },
      });
      const names = [...own.matchAll(/^([^\s:]+):/gm)].map(([, name]) => name);
      assert.deepEqual(names, [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
        ...(dsn.body === "7BIT" ? [] : ["Content-Transfer-Encoding"]),
      ]);
      assert.equal(status.content.match(/^Final-Recipient:/gm)?.length, 1);
      for (const [, name] of status.content.matchAll(/^([^\s:]+):/gm)) {
        assert.ok(statusFields.has(name ?? ""), `a field "${name}" came in from outside`);
      }
      for (const line of status.content.split("\r\n")) assert.ok(Buffer.byteLength(line) <= 998);
      if (dsn.body === "7BIT") assert.ok(octets.every((octet) => octet < 0x80));
      assert.doesNotMatch(octets.toString("latin1"), /\r(?!\n)|(?<!\r)\n/);
    }),
    { numRuns: 60 },
  );
});

const statusFields = new Set([
  "Original-Envelope-Id",
  "Reporting-MTA",
  "Received-From-MTA",
  "Arrival-Date",
  "Final-Recipient",
  "Action",
  "Status",
  "Remote-MTA",
  "Diagnostic-Code",
  "Final-Log-ID",
]);

test("mail with the null reverse-path gets no notification", () => {
  assert.throws(() => composeDsn(input({ envelope: { ...envelope, reversePath: "" } })));
});
