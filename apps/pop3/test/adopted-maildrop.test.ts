import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { adoptMail } from "@posthouse/mailbox-store/adopt";
import { startDovecot } from "./dovecot-pop3.ts";
import { account, startTestServer } from "./test-server.ts";

const run = promisify(execFile);
const timeoutMs = 30_000;
const skip = await whatIsMissing("dovecot", "getmail", "fetchmail", "mpop");

/**
 * Three programs that leave mail on the server fetch from Dovecot, then Posthouse takes over the maildrop and
 * its port: they are told the same unique-ids, and fetch what is new alone.
 */
test("getmail, fetchmail and mpop fetch nothing twice from a maildrop that Dovecot served", {
  skip,
}, async () => {
  await using home = await temporaryDirectory();
  await using door = await movableDoor();
  const maildir = join(home.path, "Maildir");
  await writeMaildir(maildir);
  const programs = await preparePrograms(home.path, door.port);
  {
    await using dovecot = await startDovecot(home.path, maildir);
    door.leadTo(() => connect(dovecot.socketPath));
    for (const program of programs) {
      await program.fetch();
      assert.deepEqual(await program.fetched(), ["one", "two", "three"], program.name);
    }
  }

  await using server = await startTestServer({
    pop3: 'uidl_format = "%08Xu%08Xv"',
    prepare: async (mailDirectory) => {
      await adoptMail({ mailDirectory, account, source: maildir, mode: "copy" });
    },
  });
  await server.mail.append("INBOX", [{ octets: [Buffer.from(messageOf("four"))] }]);
  door.leadTo(() => connect(server.port("pop3"), "127.0.0.1"));
  for (const program of programs) {
    await program.fetch();
    assert.deepEqual(await program.fetched(), ["one", "two", "three", "four"], program.name);
  }
});

/** UIDs 1, 3 and 26; what the second is called was written down by a server before Dovecot. */
async function writeMaildir(path: string): Promise<void> {
  for (const name of ["cur", "new", "tmp"]) await mkdir(join(path, name), { recursive: true });
  const names = ["one", "two", "three"];
  const keys = names.map((name, at) => `127653307${at}.M${at}P1.${name}`);
  for (const [at, name] of names.entries()) {
    await writeFile(join(path, "cur", `${keys[at]}:2,`), messageOf(name));
  }
  await writeFile(
    join(path, "dovecot-uidlist"),
    `3 V1275660208 N27 G3085f01b7f11094c501100008c4a11c1\n1 :${keys[0]}\n3 PUID3-old :${keys[1]}\n26 :${keys[2]}\n`,
  );
  await run("chown", ["-R", "mail:mail", path]);
}

const messageOf = (name: string): string =>
  `From: bob@example.org\r\nSubject: ${name}\r\nMessage-ID: <${name}@example.org>\r\n\r\ntext\r\n`;

async function preparePrograms(home: string, port: number) {
  const login = ["user ann", "password secret"].join("\n");
  return await Promise.all([
    prepare("getmail", ["--getmaildir", "{}", "--rcfile", "rc"], (mail) =>
      [
        "[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nusername = ann\npassword = secret",
        `port = ${port}\n[destination]\ntype = MDA_external\npath = /bin/sh`,
        `arguments = ("-c", "cat >> ${mail}")\nallow_root_commands = true`,
        "[options]\ndelete = false\nread_all = false\nverbose = 0\n",
      ].join("\n"),
    ),
    prepare("fetchmail", ["-f", "{}/rc", "--pidfile", "{}/pid"], (mail) =>
      [
        `poll 127.0.0.1 protocol POP3 service ${port} uidl`,
        `user ann password secret keep sslproto "" mda "/bin/cat >> ${mail}"\n`,
      ].join("\n"),
    ),
    prepare("mpop", ["--file", "{}/rc", "--quiet"], (mail, directory) =>
      [
        `account default\nhost 127.0.0.1\nport ${port}\n${login}\nauth user\ntls off\nkeep on`,
        `delivery mbox ${mail}\nuidls_file ${directory}/uidls\n`,
      ].join("\n"),
    ),
  ]);

  async function prepare(
    name: string,
    args: readonly string[],
    rcOf: (mail: string, directory: string) => string,
  ) {
    const directory = join(home, name);
    const mail = join(directory, "mail");
    await mkdir(directory, { mode: 0o700 });
    await writeFile(mail, "");
    await writeFile(join(directory, "rc"), rcOf(mail, directory), { mode: 0o600 });
    return {
      name,
      fetch: () =>
        run(
          name,
          args.map((arg) => arg.replace("{}", directory)),
          { timeout: timeoutMs, env: { ...process.env, FETCHMAILHOME: directory } },
        ),
      async fetched(): Promise<string[]> {
        const text = await readFile(mail, "latin1");
        return [...text.matchAll(/^Subject: (\w+)/gm)].map(([, subject = ""]) => subject);
      },
    };
  }
}

/** A port that leads to one server, and later to another. */
async function movableDoor() {
  let open: () => Socket = () => connect("/nowhere");
  const server = createServer((socket) => {
    const far = open();
    for (const one of [socket, far]) {
      one.on("error", () => {
        socket.destroy();
        far.destroy();
      });
    }
    socket.pipe(far).pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    leadTo(where: () => Socket) {
      open = where;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "posthouse-adopted-"));
  await chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function whatIsMissing(...programs: readonly string[]): Promise<string | false> {
  if (process.getuid?.() !== 0) return "Dovecot is started by root only";
  for (const program of programs) {
    try {
      await run(program, ["--version"], { timeout: timeoutMs });
    } catch {
      return `${program} is not installed`;
    }
  }
  return false;
}
