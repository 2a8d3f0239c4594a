import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CommandFailure } from "../src/command-failure.ts";
import { parseArguments } from "../src/sendmail/arguments.ts";
import {
  type Author,
  completeHeader,
  recipientsIn,
  recipientsInHeader,
} from "../src/sendmail/header.ts";
import { readHeader } from "../src/sendmail/header-and-body.ts";
import { untilDot } from "../src/sendmail/until-dot.ts";

const callers = [
  {
    name: "Debian's cron",
    args: ["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"],
    is: { fullName: "CronDaemon", isDotText: true, recipients: ["root"] },
  },
  {
    name: "mutt",
    args: [
      "-oem",
      "-oi",
      "-f",
      "ann@example.org",
      "-N",
      "failure,delay",
      "-R",
      "hdrs",
      "--",
      "-b@x.test",
    ],
    is: {
      isDotText: true,
      sender: "ann@example.org",
      notify: "FAILURE,DELAY",
      returned: "HDRS",
      recipients: ["-b@x.test"],
    },
  },
  {
    name: "git send-email",
    args: ["-i", "ann@example.org", "bob@example.org"],
    is: { isDotText: true, recipients: ["ann@example.org", "bob@example.org"] },
  },
  {
    name: "PHP",
    args: ["-t", "-i"],
    is: { areRecipientsInHeader: true, isDotText: true },
  },
  {
    name: "joined letters, and what means nothing here",
    args: ["-tiv", "-O", "QueueDirectory=/x", "-odb", "-Ac", "-r<>", "-V", "id 1"],
    is: { areRecipientsInHeader: true, isDotText: true, sender: "", envelopeId: "id 1" },
  },
  { name: "swaks", args: ["-bs"], is: { mode: "smtp" } },
  { name: "somebody who looks", args: ["-bp"], is: { mode: "queue" } },
  { name: "somebody who has heard of -q", args: ["-q30m"], is: { mode: "nothing" } },
];
for (const { name, args, is } of callers) {
  test(`sendmail understands ${name}`, () => {
    const found: Record<string, unknown> = { ...parseArguments("sendmail", args) };
    const usual = { mode: "send", areRecipientsInHeader: false, isDotText: false, recipients: [] };
    for (const [key, value] of Object.entries({ ...usual, ...is })) {
      assert.deepEqual(found[key], value, key);
    }
  });
}

test("mailq and newaliases are sendmail by another name", () => {
  assert.equal(parseArguments("mailq", []).mode, "queue");
  assert.equal(parseArguments("newaliases", []).mode, "nothing");
});

for (const args of [["-Z"], ["-bd"], ["-f"], ["-N", "sometimes"], ["-R", "half"]]) {
  test(`sendmail ${args.join(" ")} is a wrong argument`, () => {
    assert.throws(
      () => parseArguments("sendmail", args),
      (error) => error instanceof CommandFailure && error.exitCode === 64,
    );
  });
}

const author: Author = { fullName: undefined, address: "root@example.org" };
const completed = (header: string, by = author) =>
  String(completeHeader(Buffer.from(header), "example.org", by));

const headers = [
  {
    name: "cron's names get the domain, and its comment becomes a name",
    from: "From: root (Cron Daemon)\r\nTo: root\r\nSubject: Cron <root@host> run\r\n",
    to: "From: Cron Daemon <root@example.org>\r\nTo: root@example.org\r\nSubject: Cron <root@host> run\r\n",
  },
  {
    name: "what is whole stays as it is, comments and folds too",
    from: "From: Ann <ann@x.test> (at home)\r\nTo: a@x.test,\r\n b@x.test\r\n",
    to: "From: Ann <ann@x.test> (at home)\r\nTo: a@x.test,\r\n b@x.test\r\n",
  },
  {
    name: "Bcc goes, and From comes",
    from: "To: a@x.test\r\nBcc: b@x.test,\r\n c@x.test\r\n",
    to: "From: root@example.org\r\nTo: a@x.test\r\n",
  },
  {
    name: "groups and names that need quotes",
    from: 'From: a@x.test\r\nTo: "Smith, J." <js>, crew: ann, "b, c" <bob@x.test>;\r\n',
    to: 'From: a@x.test\r\nTo: "Smith, J." <js@example.org>,\r\n\tcrew: ann@example.org,\r\n\t"b, c" <bob@x.test>;\r\n',
  },
];
for (const { name, from, to } of headers) {
  test(`completeHeader(): ${name}`, () => assert.equal(completed(from), to));
}

test("the name of -F stands in a From that is added, and cannot add a field of its own", () => {
  const by = { ...author, fullName: "Night\r\nX-Evil: 1" };
  assert.equal(
    completed("Subject: a\r\n", by),
    'From: "Night X-Evil: 1" <root@example.org>\r\nSubject: a\r\n',
  );
});

test("-t finds To, Cc and Bcc, and of a message sent on those of Resent", () => {
  const found = (header: string) => recipientsInHeader(Buffer.from(header), "example.org");
  const fields = "To: ann\r\nCc: Bob <bob@x.test>\r\nBcc: all: c@x.test, d@x.test;\r\n";
  assert.deepEqual(found(fields), ["ann@example.org", "bob@x.test", "c@x.test", "d@x.test"]);
  assert.deepEqual(found(`Resent-To: e@x.test\r\n${fields}`), ["e@x.test"]);
});

async function* inPieces(text: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
  const octets = Buffer.from(text);
  for (let at = 0; at < octets.length; at += sizeBytes) yield octets.subarray(at, at + sizeBytes);
}
const whole = async (octets: AsyncIterable<Uint8Array>) =>
  Buffer.concat(await Array.fromAsync(octets)).toString();

const words = fc.array(fc.constantFrom("a", ".", "\r\n", "Subject: b", "\r\n.\r\n", "\r\n\r\n"));

test("untilDot() ends at the first line with a dot alone, however the pipe cuts it", async () => {
  await fc.assert(
    fc.asyncProperty(words, fc.integer({ min: 1, max: 7 }), async (parts, sizeBytes) => {
      const text = parts.join("");
      const lines = `\r\n${text}`;
      const at = lines.indexOf("\r\n.\r\n");
      const expected = at < 0 ? text : lines.slice(2, at + 2);
      assert.equal(await whole(untilDot(inPieces(text, sizeBytes))), expected);
    }),
  );
});

test("readHeader() loses no octet, and the header is whole lines", async () => {
  await fc.assert(
    fc.asyncProperty(words, fc.integer({ min: 1, max: 7 }), async (parts, sizeBytes) => {
      const text = parts.join("");
      const { header, body } = await readHeader(inPieces(text, sizeBytes));
      const all = `${String(header)}${await whole(body)}`;
      assert.ok(header.length === 0 || String(header).endsWith("\r\n"));
      // An empty line may have come between the two, and the last line end.
      assert.ok(
        all === text || [`\r\n${text}`, `${text}\r\n`, `${text}\r\n\r\n`].includes(all),
        all,
      );
    }),
  );
});

test("readHeader() refuses a header that never ends", async () => {
  const endless = inPieces("X: y\r\n".repeat(100_000), 65_536);
  await assert.rejects(readHeader(endless), /The header is longer than 262144 octets/);
});

test("completeHeader() and recipientsIn() take anything", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      completed(`From: ${text}\r\nTo: ${text}\r\n`);
      recipientsIn(text, "example.org");
    }),
  );
});
