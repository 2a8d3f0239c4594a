import assert from "node:assert/strict";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { localToml } from "../apps/cli/src/local/local-config.ts";
import { Inbox } from "./inbox.ts";
import { hasPrograms, type ProgramResult, run } from "./program.ts";
import { type Suite, startSuite } from "./suite.ts";

/** The program named sendmail, and those who call it. */
const bob = "bob@example.test";
const sendmail = join(import.meta.dirname, "..", "apps", "cli", "bin", "sendmail");
const toml = localToml.replace(
  '{ kind = "submission", address = "127.0.0.1", port = 587 }',
  `{ kind = "submission", address = "127.0.0.1", port = 587, relay_networks = [
    { networks = ["127.0.0.0/8"], senders = ["@example.test"], messages_per_hour = 0 } ] }`,
);

let suite: Suite;
let inbox: Inbox;
let home: string;
let settings: string;
before(async () => {
  suite = await startSuite({ toml });
  home = await mkdtemp(join(tmpdir(), "posthouse-sendmail-"));
  settings = await settingsFor("sendmail.toml", suite.portOf("submission"));
  inbox = await Inbox.open(suite.portOf("imap"), bob, "posthouse");
});
after(async () => {
  inbox?.[Symbol.dispose]();
  await suite?.[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

async function settingsFor(name: string, port: number): Promise<string> {
  const path = join(home, name);
  const config = join(suite.directory, "posthouse.toml");
  await writeFile(
    path,
    `server = "127.0.0.1:${port}"\ndomain = "example.test"\nconfig_file = "${config}"\n`,
  );
  return path;
}

const send = (input: string, ...args: string[]) =>
  run(sendmail, ["-C", settings, ...args], { input, env: { NAME: "" } });

const theNext = async () => String((await inbox.next())[0]);

function succeeded({ code, stdout, stderr }: ProgramResult): string {
  assert.equal(code, 0, `${stdout}${stderr}`);
  return stdout;
}

test("what cron writes arrives, its names with the domain", async () => {
  const written = "From: bob (Cron Daemon)\nTo: bob\nSubject: Cron <bob@host> backup\n\n.\nGrüße\n";
  succeeded(await send(written, "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "-f", "bob", "bob"));
  const arrived = await theNext();
  assert.match(arrived, /^Return-Path: <bob@example\.test>\r\n/);
  assert.match(arrived, /^From: Cron Daemon <bob@example\.test>\r\nTo: bob@example\.test\r\n/m);
  assert.match(arrived, /\r\n\r\n\.\r\nGrüße\r\n$/);
});

test("-t sends to those in the header and hides Bcc, and the dot ends it", async () => {
  const written = `To: alice@example.test\nBcc: ${bob}\nSubject: hidden\n\nshown\n.\nnot shown\n`;
  succeeded(await send(written, "-t", "-F", "Night Watch"));
  const arrived = await theNext();
  assert.match(arrived, /^From: Night Watch <[^@>]+@example\.test>\r$/m);
  assert.doesNotMatch(arrived, /^Bcc:|not shown/m);
  assert.match(arrived, /\r\n\r\nshown\r\n$/);
});

test("a text without any header is a message", async () => {
  succeeded(await send("The disk is full\n", "-f", "bob", bob));
  assert.match(await theNext(), /^From: bob@example\.test\r\n\r\nThe disk is full\r\n$/m);
});

const refusals = [
  {
    name: "an unknown user is 67",
    args: ["ghost@example.test"],
    code: 67,
    says: /ghost@example\.test: 550 5\.1\.1 /,
  },
  {
    name: "a sender that is not for this machine is 77",
    args: ["-f", "ann@remote.test", bob],
    code: 77,
    says: / 5\.7\.1 You may not send as this address/,
  },
  { name: "nobody to send to is 64", args: ["-t"], code: 64, says: /^sendmail: Nobody is named/ },
  {
    name: "an unknown option is 64",
    args: ["-Z", bob],
    code: 64,
    says: /^sendmail: There is no option -Z\n/,
  },
];
for (const { name, args, code, says } of refusals) {
  test(`sendmail: ${name}`, async () => {
    const result = await send("Subject: refused\n\nNo.\n", ...args);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, says);
  });
}

test("one who is refused does not keep the message from the others", async () => {
  const result = await send("Subject: for some\n\nHello.\n", "ghost@example.test", bob);
  assert.equal(result.code, 67);
  assert.match(
    result.stderr,
    /ghost@example\.test: 550 .*\nThe other recipients have the message\n$/,
  );
  assert.match(await theNext(), /^Subject: for some\r$/m);
});

test("a server that stays away is 75", async () => {
  const away = await settingsFor("away.toml", 1);
  for (const mode of [["-bs"], [bob]]) {
    const result = await run(sendmail, ["-C", away, ...mode], { input: "Subject: a\n\nb\n" });
    assert.equal(result.code, 75, result.stderr);
    assert.match(result.stderr, /ECONNREFUSED/);
  }
});

test("mailq shows the queue", async () => {
  const mailq = join(home, "mailq");
  await symlink(sendmail, mailq);
  assert.match(succeeded(await run(mailq, ["-C", settings])), /empty|\S/);
});

test("swaks speaks SMTP through -bs", async (t) => {
  if (!hasPrograms(t, "swaks")) return;
  const message = ["--from", "alice@example.test", "--to", bob, "--header", "Subject: by swaks"];
  succeeded(
    await run("swaks", [
      ...message,
      "--h-From",
      "alice@example.test",
      "--pipe",
      `${sendmail} -C ${settings} -bs`,
    ]),
  );
  assert.match(await theNext(), /^Subject: by swaks\r$/m);
});

test("mutt sends by it", async (t) => {
  if (!hasPrograms(t, "mutt")) return;
  const rules = join(home, "muttrc");
  await writeFile(
    rules,
    `set sendmail="${sendmail} -C ${settings} -oem -oi"\nset use_envelope_from=yes\nset from=alice@example.test\nset dsn_notify="failure"\nset dsn_return="hdrs"\nset copy=no\n`,
  );
  const args = ["-F", rules, "-n", "-s", "by mutt", "-b", bob, "--", "alice@example.test"];
  succeeded(await run("mutt", args, { input: ".\nHello.\n", env: { HOME: home } }));
  const arrived = await theNext();
  assert.match(arrived, /^Return-Path: <alice@example\.test>\r\n[\s\S]*^Subject: by mutt\r$/m);
  assert.match(arrived, /\r\n\r\n\.\r\nHello\.\r\n$/);
});

test("s-nail sends by it", async (t) => {
  if (!hasPrograms(t, "s-nail")) return;
  const mta = ["-S", `mta=${sendmail}`, "-S", `mta-arguments=-C${settings}`];
  const args = ["-:/", "-S", "v15-compat", "-S", `DEAD=${home}/dead.letter`, ...mta];
  const from = ["-r", "alice@example.test", "-s", "by s-nail"];
  succeeded(
    await run("s-nail", [...args, "-S", "sendwait", ...from, bob], {
      input: "Hello.\n",
      env: { HOME: home },
    }),
  );
  assert.match(await theNext(), /^Subject: by s-nail\r$/m);
});

test("git sends patches by it", async (t) => {
  if (!hasPrograms(t, "git", "/usr/lib/git-core/git-send-email")) return;
  const git = async (...args: string[]) =>
    succeeded(
      await run("git", ["-c", "user.name=Alice", "-c", "user.email=alice@example.test", ...args], {
        cwd: home,
        env: { HOME: home, GIT_CONFIG_NOSYSTEM: "1" },
      }),
    );
  await git("init", "--quiet", "work");
  await git("-C", "work", "commit", "--quiet", "--allow-empty", "-m", "by git");
  await writeFile(join(home, "work", "file"), "a\n");
  await git("-C", "work", "add", "file");
  await git("-C", "work", "commit", "--quiet", "-m", "a patch by git");
  const server = `--sendmail-cmd=${sendmail} -C ${settings}`;
  await git("-C", "work", "send-email", server, `--to=${bob}`, "--confirm=never", "--quiet", "-1");
  assert.match(await theNext(), /^Subject: \[PATCH\] a patch by git\r$/m);
});
