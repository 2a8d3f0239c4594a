import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Inbox } from "./inbox.ts";
import { posthouse, posthouseReading, succeeding } from "./posthouse.ts";
import { hasPrograms, run } from "./program.ts";
import { type Suite, startSuite } from "./suite.ts";

/** `posthouse deliver`, by hand and by those who call it. */
const bob = "bob@example.test";
const cli = join(import.meta.dirname, "..", "apps", "cli", "src", "main.ts");
const message = (subject: string) => `Subject: ${subject}\nFrom: Ann <ann@remote.test>\n\nHello.\n`;

let suite: Suite;
let inbox: Inbox;
let home: string;
before(async () => {
  suite = await startSuite();
  home = await mkdtemp(join(tmpdir(), "posthouse-deliver-"));
  inbox = await Inbox.open(suite.portOf("imap"), bob, "posthouse");
});
after(async () => {
  inbox?.[Symbol.dispose]();
  await suite?.[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

const deliver = (input: string, ...args: string[]) =>
  posthouseReading(input, "deliver", ...args, "--data", suite.directory);

const theNext = async () => String((await inbox.next())[0]);

test("a message from a pipe arrives behind the fields of final delivery, with CRLF", async () => {
  await succeeding(deliver(message("piped"), "-f", "ann@remote.test", "bob+lists@example.test"));
  assert.match(
    await theNext(),
    /^Return-Path: <ann@remote\.test>\r\nDelivered-To: bob@example\.test\r\nX-Original-To: bob\+lists@example\.test\r\nReceived: [^\r]*\r\n(?:[ \t].*\r\n)*Subject: piped\r\nFrom: Ann <ann@remote\.test>\r\n\r\nHello\.\r\n$/,
  );
});

test('the "From " line of an mbox says who sent it, and is no part of the message', async () => {
  const line = "From ann@remote.test Mon Mar  2 10:00:00 2026\n";
  await succeeding(deliver(`${line}${message("from an mbox")}`, bob));
  const arrived = await theNext();
  assert.match(arrived, /^Return-Path: <ann@remote\.test>\r\n/);
  assert.doesNotMatch(arrived, /^From /m);
});

test("8 MiB go through", async () => {
  const body = `${"x".repeat(77)}\n`.repeat((8 * 1024 * 1024) / 78);
  await succeeding(deliver(`${message("large")}${body}`, bob));
  assert.ok((await theNext()).length > body.length);
});

const refusals = [
  {
    name: "an unknown user is 67",
    to: "ghost@example.test",
    input: message("to nobody"),
    code: 67,
    says: /^posthouse: ghost@example\.test: 550 5\.1\.1 No such user here\n$/,
  },
  {
    name: "a message with a NUL is 65",
    to: bob,
    input: `${message("broken")}\0\n`,
    code: 65,
    says: /^posthouse: bob@example\.test: 5\d\d 5\.6\.\d+ /,
  },
  {
    name: "no message is 65",
    to: bob,
    input: "",
    code: 65,
    says: /^posthouse: There is no message on standard input\n$/,
  },
  {
    name: "a bare name is 64",
    to: "bob",
    input: message("to bob"),
    code: 64,
    says: /^posthouse: The recipient "bob" is no address: write it as ann@example\.org\n$/,
  },
];
for (const { name, to, input, code, says } of refusals) {
  test(`posthouse deliver: ${name}`, async () => {
    const result = await deliver(input, to);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, says);
  });
}

test("what a filter refuses is 77, with its reason", async () => {
  const script = join(home, "reject.sieve");
  await writeFile(script, 'require "reject"; reject "Not here, please";');
  const sieve = (...args: string[]) =>
    succeeding(posthouse("sieve", ...args, "--data", suite.directory));
  await sieve("put", "alice@example.test", "main", script, "--activate");
  const { code, stderr } = await deliver(message("refused"), "alice@example.test");
  assert.equal(code, 77, stderr);
  assert.match(stderr, /: 550 5\.7\.1 Not here, please\n$/);
});

test("what is wrong with this machine is 75, so that whoever calls keeps the message", async () => {
  const down = join(home, "down.toml");
  await writeFile(down, 'hostname = "mail.example.test"\ndata_dir = "down"\n');
  const broken = join(home, "broken.toml");
  await writeFile(broken, "hostname = \n");
  for (const config of [down, broken, join(home, "none.toml")]) {
    const result = await posthouseReading(message("waits"), "deliver", bob, "--config", config);
    assert.equal(result.code, 75, result.stderr);
  }
});

test("procmail pipes into it, sender and all, and keeps what is refused", async (t) => {
  if (!hasPrograms(t, "procmail")) return;
  const command = (to: string) =>
    `"${process.execPath}" "${cli}" deliver ${to} --data "${suite.directory}"`;
  const rules = join(home, "procmailrc");
  await writeFile(
    rules,
    `SHELL=/bin/sh\nDEFAULT=${home}/kept\nLOGFILE=${home}/procmail.log\n:0 w\n* ^Subject: for bob\n| ${command(bob)}\n:0 w\n| ${command("ghost@example.test")}\n`,
  );
  const procmail = async (subject: string) => {
    const input = `From ann@remote.test Mon Mar  2 10:00:00 2026\n${message(subject)}`;
    const result = await run("procmail", ["-m", rules], { input });
    assert.equal(result.code, 0, result.stderr);
  };
  await procmail("for bob");
  assert.match(await theNext(), /^Return-Path: <ann@remote\.test>\r\n[\s\S]*^Subject: for bob\r$/m);
  await procmail("for a ghost");
  const kept = await run("cat", [join(home, "kept")]);
  assert.match(kept.stdout, /^Subject: for a ghost$/m);
});

test("fetchmail fetches for bob and hands over with it", async (t) => {
  if (!hasPrograms(t, "fetchmail")) return;
  // Alice's filter refuses everything, if there is one already.
  await posthouse("sieve", "deactivate", "alice@example.test", "--data", suite.directory);
  await succeeding(deliver(message("fetched"), "-f", "ann@remote.test", "alice@example.test"));
  const rules = join(home, "fetchmailrc");
  await writeFile(
    rules,
    `poll 127.0.0.1 protocol POP3 service ${suite.portOf("pop3s")}
  user "alice@example.test" password "posthouse" ssl no sslcertck fetchall
  mda "'${process.execPath}' '${cli}' deliver -f %F ${bob} --data '${suite.directory}'"\n`,
    { mode: 0o600 },
  );
  const files = ["--pidfile", join(home, "fetchmail.pid"), "--idfile", join(home, "fetchids")];
  const fetched = await run("fetchmail", ["--fetchmailrc", rules, ...files], {
    env: { HOME: home },
  });
  assert.equal(fetched.code, 0, `${fetched.stdout}${fetched.stderr}`);
  assert.match(await theNext(), /^Subject: fetched\r$/m);
});
