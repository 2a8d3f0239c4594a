import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { startTestServer } from "./test-server.ts";

const run = promisify(execFile);
const timeoutMs = 30_000;
const messages = ["Subject: 1\r\n\r\none\r\n.\r\n", "Subject: 2\r\n\r\ntwo\r\n"];

async function skipWithout(program: string): Promise<string | false> {
  try {
    await run(program, ["--version"], { timeout: timeoutMs });
    return false;
  } catch {
    return `${program} is not installed`;
  }
}

test("curl lists and reads over STLS and over TLS", {
  skip: await skipWithout("curl"),
}, async () => {
  await using server = await startTestServer({ messages, isPlaintextAllowed: false });
  const curl = async (...args: readonly string[]) => {
    const all = ["--silent", "--show-error", "--insecure", "--user", "ann:secret", ...args];
    return (await run("curl", all, { timeout: timeoutMs })).stdout;
  };
  const stls = `pop3://127.0.0.1:${server.port("pop3")}`;
  const tls = `pop3s://127.0.0.1:${server.port("pop3s")}`;
  assert.equal(await curl("--ssl-reqd", `${stls}/`), "1 22\r\n2 19\r\n");
  assert.equal(await curl("--ssl-reqd", `${stls}/1`), messages[0]);
  assert.equal(await curl(`${tls}/2`), messages[1]);
  assert.equal(await curl("--request", "DELE 1", "--head", `${tls}/`), "");
  assert.equal(await curl(`${tls}/`), "1 19\r\n");
  await assert.rejects(curl(`${stls}/1`), "a password went in the clear");
});

test("getmail takes the mail and removes it", { skip: await skipWithout("getmail") }, async () => {
  await using server = await startTestServer({ messages });
  await using home = await temporaryDirectory();
  const rc = `[retriever]
type = SimplePOP3Retriever
server = 127.0.0.1
port = ${server.port("pop3")}
username = ann
password = secret
[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "cat >> ${home.path}/mail")
allow_root_commands = true
[options]
delete = true
verbose = 0
`;
  await writeFile(join(home.path, "rc"), rc, { mode: 0o600 });
  await run("getmail", ["--getmaildir", home.path, "--rcfile", "rc"], { timeout: timeoutMs });
  const mail = await readFile(join(home.path, "mail"), "utf8");
  assert.equal(mail.match(/^Subject: /gm)?.length, 2);
  assert.match(mail, /^one\r?\n\.\r?$/m);
  assert.equal((await server.mail.status("INBOX")).messages, 0);
});

test("fetchmail in RETR and UIDL mode takes each message once", {
  skip: await skipWithout("fetchmail"),
}, async () => {
  await using server = await startTestServer({ messages });
  await using home = await temporaryDirectory();
  const rc = `poll 127.0.0.1 protocol POP3 service ${server.port("pop3")} uidl
user ann password secret keep sslproto "" mda "/bin/cat >> ${home.path}/mail"
`;
  await writeFile(join(home.path, "rc"), rc, { mode: 0o600 });
  const options = { timeout: timeoutMs, env: { ...process.env, FETCHMAILHOME: home.path } };
  const fetch = () =>
    run("fetchmail", ["-f", join(home.path, "rc"), "--pidfile", join(home.path, "pid")], options);
  await fetch();
  // Exit code 1: there was no new mail.
  await assert.rejects(fetch(), { code: 1 });
  const mail = await readFile(join(home.path, "mail"), "utf8");
  assert.equal(mail.match(/^Subject: /gm)?.length, 2);
  assert.equal((await server.mail.status("INBOX")).messages, 2);
});

test("fetchmail logs in with APOP", { skip: await skipWithout("fetchmail") }, async () => {
  await using server = await startTestServer({ messages, pop3: "apop = true" });
  await using home = await temporaryDirectory();
  const rc = `poll 127.0.0.1 protocol APOP service ${server.port("pop3")}
user mrose password tanstaaf keep sslproto "" mda "/bin/cat >> ${home.path}/mail"
`;
  await writeFile(join(home.path, "rc"), rc, { mode: 0o600 });
  const env = { ...process.env, FETCHMAILHOME: home.path };
  const args = ["-f", join(home.path, "rc"), "--pidfile", join(home.path, "pid")];
  await run("fetchmail", args, { timeout: timeoutMs, env });
  assert.match(await readFile(join(home.path, "mail"), "utf8"), /^Subject: 1\r?$/m);
});

async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "posthouse-pop3-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
