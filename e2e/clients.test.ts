import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ImapFlow } from "imapflow";
import { hasPrograms, type ProgramResult, run } from "./program.ts";
import { type Suite, startSuite } from "./suite.ts";

/** Real clients, doing what their users do, against a whole Posthouse. */
let suite: Suite;
let home: string;

before(async () => {
  suite = await startSuite();
  home = await mkdtemp(join(tmpdir(), "posthouse-client-"));
});
after(async () => {
  await suite?.[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

const alice = "alice@example.test";
const bob = "bob@example.test";
const password = "posthouse";

function succeeded(result: ProgramResult): string {
  assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
  return result.stdout;
}

const messageOf = (subject: string, body = "Hello.", author = bob) =>
  `From: ${author}\r\nTo: ${alice}\r\nSubject: ${subject}\r\n\r\n${body}\r\n`;

const curlImap = (path: string, ...args: string[]) =>
  run("curl", [
    "--silent",
    "--show-error",
    "--insecure",
    "--user",
    `${alice}:${password}`,
    ...args,
    `imaps://127.0.0.1:${suite.portOf("imaps")}/${path}`,
  ]);

async function subjectsInInbox(): Promise<string[]> {
  const client = imapFlow();
  await client.connect();
  const lock = await client.getMailboxLock("INBOX");
  try {
    const subjects: string[] = [];
    if (client.mailbox !== false && client.mailbox.exists === 0) return subjects;
    for await (const message of client.fetch("1:*", { envelope: true })) {
      subjects.push(message.envelope?.subject ?? "");
    }
    return subjects;
  } finally {
    lock.release();
    await client.logout();
  }
}

const imapFlow = () =>
  new ImapFlow({
    host: "127.0.0.1",
    port: suite.portOf("imaps"),
    secure: true,
    tls: { rejectUnauthorized: false },
    auth: { user: alice, pass: password },
    logger: false,
  });

describe("clients that send", () => {
  const swaksArguments = (...args: string[]) => [
    "--server",
    "127.0.0.1",
    "--from",
    bob,
    "--to",
    alice,
    "--auth-user",
    bob,
    "--auth-password",
    password,
    ...args,
  ];

  test("swaks sends with PLAIN over STARTTLS", async (t) => {
    if (!hasPrograms(t, "swaks")) return;
    const port = String(suite.portOf("submission"));
    succeeded(
      await run(
        "swaks",
        swaksArguments(
          "--port",
          port,
          "--tls",
          "--auth",
          "PLAIN",
          "--header",
          "Subject: swaks starttls",
        ),
      ),
    );
    assert.ok((await subjectsInInbox()).includes("swaks starttls"));
  });

  test("swaks sends with LOGIN over implicit TLS", async (t) => {
    if (!hasPrograms(t, "swaks")) return;
    const port = String(suite.portOf("submissions"));
    succeeded(
      await run(
        "swaks",
        swaksArguments(
          "--port",
          port,
          "--tls-on-connect",
          "--auth",
          "LOGIN",
          "--header",
          "Subject: swaks implicit",
        ),
      ),
    );
    assert.ok((await subjectsInInbox()).includes("swaks implicit"));
  });

  test("swaks hears 535 for a wrong password, and the same words for an unknown user", async (t) => {
    if (!hasPrograms(t, "swaks")) return;
    const port = String(suite.portOf("submission"));
    const answers = [];
    for (const user of [bob, "nobody@example.test"]) {
      const { code, stdout } = await run("swaks", [
        "--server",
        "127.0.0.1",
        "--port",
        port,
        "--tls",
        "--auth",
        "PLAIN",
        "--auth-user",
        user,
        "--auth-password",
        "wrong",
        "--to",
        alice,
        "--from",
        bob,
      ]);
      assert.notEqual(code, 0);
      answers.push(/^<~\* (535.*)$/m.exec(stdout)?.[1]);
    }
    assert.match(answers[0] ?? "", /^535 5\.7\.8 /);
    assert.equal(answers[0], answers[1]);
  });

  for (const [name, port, tls] of [
    ["STARTTLS", "submission", "tls_starttls on"],
    ["implicit TLS", "submissions", "tls_starttls off"],
  ] as const) {
    test(`msmtp sends with PLAIN over ${name}`, async (t) => {
      if (!hasPrograms(t, "msmtp")) return;
      const file = join(home, `msmtprc-${port}`);
      await writeFile(
        file,
        `account default\nhost 127.0.0.1\nport ${suite.portOf(port)}\ntls on\n${tls}\ntls_certcheck off\nauth plain\nuser ${bob}\npassword ${password}\nfrom ${bob}\n`,
      );
      await chmod(file, 0o600);
      succeeded(await run("msmtp", ["--file", file, alice], { input: messageOf(`msmtp ${port}`) }));
      assert.ok((await subjectsInInbox()).includes(`msmtp ${port}`));
    });
  }
});

describe("clients that read", () => {
  before(async () => {
    const client = imapFlow();
    await client.connect();
    await client.append("INBOX", messageOf("for those who read", "A line.\r\n.A dot.\r\n..Two."));
    await client.logout();
  });

  test("curl fetches a message by IMAP octet for octet", async () => {
    const octets = messageOf("octets", "Grüße\r\n.dot\r\n\tlast line without an end");
    const client = imapFlow();
    await client.connect();
    const appended = await client.append("INBOX", Buffer.from(octets, "utf8"));
    await client.logout();
    assert.ok(appended !== false);
    const fetched = succeeded(await curlImap(`INBOX;UID=${appended.uid}`));
    assert.equal(Buffer.from(fetched, "latin1").toString("utf8"), octets);
  });

  test("curl lists mailboxes and searches", async () => {
    const listed = succeeded(await curlImap(""));
    for (const name of ["INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"])
      assert.match(listed, new RegExp(name));
    assert.match(succeeded(await curlImap("INBOX?SUBJECT%20octets")), /^\* SEARCH \d+/);
  });

  test("curl fetches by POP3 with TLS and with STLS", async () => {
    for (const url of [
      `pop3s://127.0.0.1:${suite.portOf("pop3s")}/1`,
      `pop3://127.0.0.1:${suite.portOf("pop3")}/1`,
    ]) {
      const fetched = succeeded(
        await run("curl", [
          "--silent",
          "--show-error",
          "--insecure",
          "--ssl-reqd",
          "--user",
          `${alice}:${password}`,
          url,
        ]),
      );
      assert.match(fetched, /^Subject: /m);
    }
  });

  test("mutt reads a message over IMAP", async (t) => {
    if (!hasPrograms(t, "mutt", "script")) return;
    const rc = join(home, "muttrc");
    await writeFile(
      rc,
      `set folder=imaps://127.0.0.1:${suite.portOf("imaps")}\nset spoolfile=+INBOX\nset imap_user=${alice}\nset imap_pass=${password}\nset ssl_verify_host=no\nset ssl_verify_dates=no\nset ssl_starttls=no\nset certificate_file=${home}/certificates\nset header_cache=\nset wait_key=no\nset quit=yes\nset delete=no\nset pipe_decode\nset copy=no\n`,
    );
    // a: accept the certificate always; then search, pipe the message into a file, quit.
    const command = `mutt -F ${rc} -e 'push "<search>~s those<enter><pipe-message>cat > ${home}/mutt.txt<enter><exit>"'`;
    const result = await run("script", ["--quiet", "--command", command, "/dev/null"], {
      input: "a",
      env: { HOME: home, TERM: "xterm" },
    });
    assert.match(
      await readFile(join(home, "mutt.txt"), "utf8").catch(() => result.stdout),
      /A line\./,
    );
  });

  test("mbsync syncs both ways, and the second time nothing changes", async (t) => {
    if (!hasPrograms(t, "mbsync")) return;
    const store = join(home, "mbsync");
    await mkdir(store);
    const rc = join(home, "mbsyncrc");
    await writeFile(
      rc,
      `IMAPAccount here\nHost 127.0.0.1\nPort ${suite.portOf("imap")}\nUser ${alice}\nPass ${password}\nSSLType None\n\nIMAPStore far\nAccount here\n\nMaildirStore near\nPath ${store}/\nInbox ${store}/INBOX\nSubFolders Verbatim\n\nChannel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n`,
    );
    const sync = async () => succeeded(await run("mbsync", ["--config", rc, "--all"]));
    await sync();
    const fetched = await readdir(join(store, "INBOX", "new")).then(async (names) => [
      ...names,
      ...(await readdir(join(store, "INBOX", "cur"))),
    ]);
    assert.equal(fetched.length, (await subjectsInInbox()).length);

    // A message made here and a flag set there cross over.
    await writeFile(
      join(store, "INBOX", "cur", "1700000000.1.here:2,S"),
      messageOf("made near").replaceAll("\r\n", "\n"),
    );
    const client = imapFlow();
    await client.connect();
    await client.mailboxOpen("INBOX");
    await client.messageFlagsAdd("1", ["\\Flagged"]);
    await client.logout();
    await sync();
    assert.ok((await subjectsInInbox()).includes("made near"));
    const names = await readdir(join(store, "INBOX", "cur"));
    assert.ok(
      names.some((name) => /:2,[A-Z]*F/.test(name)),
      names.join(),
    );

    const state = async () => ({
      names: (await readdir(store, { recursive: true })).sort(),
      mailbox: await curlImap("INBOX", "--request", "FETCH 1:* (UID FLAGS)").then(succeeded),
    });
    await sync();
    const settled = await state();
    await sync();
    assert.deepEqual(await state(), settled);
  });

  test("imapflow idles and sees a message pushed in", async () => {
    const client = imapFlow();
    await client.connect();
    await client.mailboxOpen("INBOX");
    const pushed = new Promise<{ count: number; prevCount: number }>((resolve) =>
      client.once("exists", resolve),
    );
    const idling = client.idle();
    const { code, stderr } = await run(
      "curl",
      [
        "--silent",
        "--show-error",
        "--insecure",
        "--ssl-reqd",
        "--user",
        `${bob}:${password}`,
        "--mail-from",
        bob,
        "--mail-rcpt",
        alice,
        "--upload-file",
        "-",
        `smtp://127.0.0.1:${suite.portOf("submission")}`,
      ],
      { input: messageOf("pushed") },
    );
    assert.equal(code, 0, stderr);
    const { count, prevCount } = await pushed;
    assert.equal(count, prevCount + 1);
    await client.logout();
    await idling;
  });
});

describe("clients that empty a POP3 box", () => {
  const deliver = async (subject: string) => {
    const { code, stderr } = await run(
      "curl",
      [
        "--silent",
        "--show-error",
        "--insecure",
        "--ssl-reqd",
        "--user",
        `${alice}:${password}`,
        "--mail-from",
        alice,
        "--mail-rcpt",
        bob,
        "--upload-file",
        "-",
        `smtp://127.0.0.1:${suite.portOf("submission")}`,
      ],
      { input: messageOf(subject, "Hello.", alice) },
    );
    assert.equal(code, 0, stderr);
  };
  const messagesLeft = async () => {
    const listed = await run("curl", [
      "--silent",
      "--insecure",
      "--user",
      `${bob}:${password}`,
      `pop3s://127.0.0.1:${suite.portOf("pop3s")}/`,
    ]);
    return listed.stdout.trim().split("\n").filter(Boolean).length;
  };

  test("getmail fetches everything and leaves the box empty", async (t) => {
    if (!hasPrograms(t, "getmail")) return;
    await deliver("for getmail 1");
    await deliver("for getmail 2");
    const store = join(home, "getmail");
    await mkdir(store);
    await writeFile(
      join(home, "getmailrc"),
      `[retriever]\ntype = SimplePOP3SSLRetriever\nserver = 127.0.0.1\nport = ${suite.portOf("pop3s")}\nusername = ${bob}\npassword = ${password}\n\n[destination]\ntype = MDA_external\npath = /bin/sh\narguments = ("-c", "cat > ${store}/$$")\nallow_root_commands = true\n\n[options]\ndelete = true\nread_all = true\n`,
    );
    succeeded(
      await run("getmail", ["--getmaildir", home, "--rcfile", join(home, "getmailrc")], {
        env: { HOME: home, USER: "root", LOGNAME: "root" },
      }),
    );
    assert.equal((await readdir(store)).length, 2);
    assert.equal(await messagesLeft(), 0);
  });

  test("fetchmail fetches everything and leaves the box empty", async (t) => {
    if (!hasPrograms(t, "fetchmail")) return;
    await deliver("for fetchmail");
    const rc = join(home, "fetchmailrc");
    await writeFile(
      rc,
      `poll 127.0.0.1 protocol POP3 service ${suite.portOf("pop3s")}\n  user "${bob}" password "${password}" ssl no sslcertck fetchall\n  mda "cat >> ${home}/fetched"\n`,
    );
    await chmod(rc, 0o600);
    succeeded(
      await run(
        "fetchmail",
        [
          "--fetchmailrc",
          rc,
          "--pidfile",
          join(home, "fetchmail.pid"),
          "--idfile",
          join(home, "fetchids"),
        ],
        { env: { HOME: home } },
      ),
    );
    assert.match(await readFile(join(home, "fetched"), "utf8"), /Subject: for fetchmail/);
    assert.equal(await messagesLeft(), 0);
  });
});
