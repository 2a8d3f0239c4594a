import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { hasPrograms, type ProgramResult, run } from "./program.ts";
import { type Suite, startSuite } from "./suite.ts";

/** Programs that speak IMAP each in a way of its own, doing what they are for. */
let suite: Suite;
let home: string;

before(async () => {
  suite = await startSuite();
  home = await mkdtemp(join(tmpdir(), "posthouse-imap-client-"));
});
after(async () => {
  await suite?.[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

const alice = "alice@example.test";
const bob = "bob@example.test";
const password = "posthouse";

function succeeded({ code, stdout, stderr }: ProgramResult): string {
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  return stdout;
}

const curl = async (user: string, path: string, ...args: string[]) =>
  succeeded(
    await run("curl", [
      "--silent",
      "--show-error",
      "--user",
      `${user}:${password}`,
      ...args,
      `imap://127.0.0.1:${suite.portOf("imap")}/${path}`,
    ]),
  );

async function append(user: string, mailbox: string, subject: string): Promise<void> {
  const path = join(home, "message");
  await writeFile(path, `From: ${bob}\r\nTo: ${alice}\r\nSubject: ${subject}\r\n\r\nHello.\r\n`);
  await curl(user, mailbox, "--upload-file", path);
}

/** The octets of all messages in a mailbox, as curl shows a FETCH. */
const subjects = async (user: string, mailbox: string): Promise<readonly string[]> => {
  const text = await curl(user, mailbox, "--request", "FETCH 1:* ENVELOPE");
  return [...text.matchAll(/ENVELOPE \((?:NIL|"[^"]*") "([^"]*)"/g)].map(
    ([, subject]) => subject ?? "",
  );
};

test("OfflineIMAP syncs both ways", async (t) => {
  if (!hasPrograms(t, "offlineimap")) return;
  const local = join(home, "offlineimap");
  await mkdir(local);
  const rc = join(home, "offlineimaprc");
  await writeFile(
    rc,
    [
      "[general]",
      "accounts = a",
      `metadata = ${join(home, "offlineimap.meta")}`,
      "[Account a]",
      "localrepository = near",
      "remoterepository = far",
      "[Repository near]",
      "type = Maildir",
      `localfolders = ${local}`,
      "[Repository far]",
      "type = IMAP",
      "remotehost = 127.0.0.1",
      "ssl = no",
      "starttls = no",
      `remoteport = ${suite.portOf("imap")}`,
      `remoteuser = ${alice}`,
      `remotepass = ${password}`,
      "auth_mechanisms = LOGIN",
      "",
    ].join("\n"),
  );
  const sync = async () => succeeded(await run("offlineimap", ["-o", "-u", "quiet", "-c", rc]));
  await append(alice, "INBOX", "made far");
  await sync();
  const inbox = join(local, "INBOX");
  const names = async () => [
    ...(await readdir(join(inbox, "new"))),
    ...(await readdir(join(inbox, "cur"))),
  ];
  assert.equal((await names()).length, (await subjects(alice, "INBOX")).length);
  await writeFile(join(inbox, "cur", "1700000000.1.here:2,S"), "Subject: made near\n\nHello.\n");
  await sync();
  assert.ok((await subjects(alice, "INBOX")).includes("made near"));
});

test("InterIMAP keeps two accounts the same with QRESYNC", async (t) => {
  if (!hasPrograms(t, "interimap")) return;
  const side = (user: string) => [
    "type = imaps",
    "host = 127.0.0.1",
    `port = ${suite.portOf("imaps")}`,
    `username = ${user}`,
    `password = ${password}`,
    "SSL_verify = NO",
  ];
  const rc = join(home, "interimap.conf");
  const database = join(home, "interimap.db");
  const lines = [`database = ${database}`, "list-mailbox = Archive", "[local]", ...side(alice)];
  await writeFile(rc, [...lines, "[remote]", ...side(bob), ""].join("\n"));
  const sync = async () => {
    // It asks systemd for its own places.
    const env = { HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
    succeeded(await run("interimap", ["--config", rc], { env }));
  };
  await append(alice, "Archive", "of alice");
  await append(bob, "Archive", "of bob");
  await sync();
  for (const user of [alice, bob]) {
    assert.deepEqual((await subjects(user, "Archive")).toSorted(), ["of alice", "of bob"]);
  }
  await curl(alice, "Archive", "--request", "STORE 1 +FLAGS (\\Deleted)");
  await curl(alice, "Archive", "--request", "EXPUNGE");
  await curl(bob, "Archive", "--request", "STORE 1:* +FLAGS (\\Flagged)");
  await sync();
  assert.deepEqual(await subjects(bob, "Archive"), await subjects(alice, "Archive"));
  const flagged = await curl(alice, "Archive", "--request", "SEARCH FLAGGED");
  assert.match(flagged, /^\* SEARCH 1\r?$/m);
});

test("imapfilter finds messages and moves them", async (t) => {
  if (!hasPrograms(t, "imapfilter")) return;
  await append(bob, "INBOX", "sort me");
  await append(bob, "INBOX", "leave me");
  const script = join(home, "imapfilter.lua");
  await writeFile(
    script,
    `options.timeout = 20
options.starttls = false
options.create = true
account = IMAP { server = "127.0.0.1", port = ${suite.portOf("imap")}, username = "${bob}", password = "${password}" }
found = account.INBOX:contain_subject("sort me") + account.INBOX:is_flagged()
found:move_messages(account["Sorted/here"])
account.INBOX:contain_subject("leave me"):mark_seen()
`,
  );
  succeeded(await run("imapfilter", ["-c", script], { env: { HOME: home } }));
  assert.deepEqual(await subjects(bob, "Sorted/here"), ["sort me"]);
  assert.ok(!(await subjects(bob, "INBOX")).includes("sort me"));
});

test("Mail::IMAPClient appends, searches, flags, sorts, and asks for the structure", async (t) => {
  if (!hasPrograms(t, "perl")) return;
  const script = join(home, "client.pl");
  await writeFile(
    script,
    String.raw`use strict; use warnings; use Mail::IMAPClient;
my $client = Mail::IMAPClient->new(Server => "127.0.0.1", Port => $ARGV[0], User => $ARGV[1],
  Password => $ARGV[2], Uid => 1) or die $@;
sub must { my ($value, $what) = @_; die "$what: " . $client->LastError . "\n" unless $value; $value }
must($client->create("Perl"), "create");
must($client->append_string("Perl", "Subject: $_\r\n\r\nHello \xc3\xa9.\r\n"), "append") for ("pear", "apple");
must($client->select("Perl"), "select");
my @found = $client->search("SUBJECT", $client->Quote("pear"));
must($client->set_flag("\\Flagged", @found), "flag");
my @sorted = $client->sort("SUBJECT", "UTF-8", "ALL");
my $structure = must($client->get_bodystructure($found[0]), "bodystructure");
my $envelope = must($client->get_envelope($found[0]), "envelope");
print join(" ", $client->subject($sorted[0]), $client->subject($sorted[1]), scalar(my @flagged = $client->search("FLAGGED")),
  $structure->bodytype, $envelope->subject, $client->message_count), "\n";
my $idle = must($client->idle, "idle"); must($client->done($idle), "done");
must($client->delete_message(@found), "delete"); must($client->expunge, "expunge");
print $client->message_count, "\n";
must($client->logout, "logout");
`,
  );
  const args = [script, String(suite.portOf("imap")), alice, password];
  const { code, stdout, stderr } = await run("perl", args);
  if (stderr.includes("Can't locate Mail/IMAPClient.pm")) {
    assert.notEqual(process.env.POSTHOUSE_FOREIGN, "required", stderr);
    t.skip("libmail-imapclient-perl is not installed");
    return;
  }
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "apple pear 1 TEXT pear 2\n1\n");
});
