import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Dialogue } from "./dialogue.ts";
import { ImapDialogue } from "./imap-dialogue.ts";
import { posthouse, spawnPosthouse, succeeding } from "./posthouse.ts";
import { hasPrograms, type ProgramResult, run } from "./program.ts";
import { type Suite, startSuite } from "./suite.ts";

const ALICE = "alice@example.test";
const PASSWORD = "posthouse";

const script = `require ["fileinto", "mailbox"];
if header :contains "Subject" "list" { fileinto :create "Lists"; }
`;

describe("mail programs that edit filters", () => {
  let suite: Suite;
  let file: string;
  before(async () => {
    suite = await startSuite();
    file = join(suite.directory, "filter.sieve");
    await writeFile(file, script);
  });
  after(() => suite[Symbol.asyncDispose]());

  const sieveConnect = (password: string, ...args: string[]): Promise<ProgramResult> => {
    const server = ["--server", "127.0.0.1", "--port", String(suite.portOf("managesieve"))];
    const user = ["--notlsverify", "--user", ALICE, "--passwordfd", "0"];
    return run("sieve-connect", [...server, ...user, ...args], { input: `${password}\n` });
  };

  test("sieve-connect checks, uploads, activates, lists, downloads and deletes", async (t) => {
    if (!hasPrograms(t, "sieve-connect")) return;
    const does = async (...args: string[]) => {
      const { code, stdout, stderr } = await sieveConnect(PASSWORD, ...args);
      assert.equal(code, 0, stdout + stderr);
      return stdout;
    };
    await does("--upload", "--localsieve", file, "--remotesieve", "main");
    await does("--activate", "--remotesieve", "main");
    assert.match(await does("--list"), /"main" ACTIVE/);
    const copy = join(suite.directory, "copy.sieve");
    await does("--download", "--remotesieve", "main", "--localsieve", copy);
    assert.equal(await readFile(copy, "utf8"), script);

    // It is what runs at delivery, and what the command line sees.
    const data = ["--data", suite.directory];
    assert.match(await succeeding(posthouse("sieve", "list", ALICE, ...data)), /main/);
    const message = join(suite.directory, "message.eml");
    await writeFile(message, "Subject: [list] hello\r\n\r\nHello\r\n");
    const mail = ["--mail-from", "x@example.net", "--mail-rcpt", ALICE, "--upload-file", message];
    const url = `smtp://127.0.0.1:${suite.portOf("smtp")}/client.example`;
    const sent = await run("curl", ["-sS", "--url", url, ...mail]);
    assert.equal(sent.code, 0, sent.stderr);
    assert.match(await succeeding(posthouse("mailbox", "list", ALICE, ...data)), /^Lists +1 /m);

    await does("--deactivate");
    await does("--delete", "--remotesieve", "main");
    assert.doesNotMatch(await does("--list"), /main/);
  });

  test("sieve-connect shows what is wrong, and where", async (t) => {
    if (!hasPrograms(t, "sieve-connect")) return;
    const wrong = join(suite.directory, "wrong.sieve");
    await writeFile(wrong, "keep;\n  fileinto;\n");
    const refused = await sieveConnect(PASSWORD, "--checkscript", "--localsieve", wrong);
    assert.match(refused.stdout + refused.stderr, /line 2, column 3: /);
    assert.notEqual((await sieveConnect("wrong", "--list")).code, 0);
  });

  test("an app password opens filters only when its scope says so", async (t) => {
    if (!hasPrograms(t, "sieve-connect")) return;
    const add = async (name: string, scope: string) => {
      const args = ["app-password", "add", ALICE, name, "--scope", scope, "--json"];
      const added = await succeeding(posthouse(...args, "--data", suite.directory));
      return (JSON.parse(added) as { password: string }).password;
    };
    assert.notEqual((await sieveConnect(await add("reader", "imap"), "--list")).code, 0);
    assert.equal((await sieveConnect(await add("editor", "managesieve"), "--list")).code, 0);
  });

  // The order of commands in which that add-on works, with its forms of strings.
  test("the dialogue of Thunderbird's Sieve add-on", async () => {
    using client = await Dialogue.open(suite.portOf("managesieve"));
    const answers = async (...lines: RegExp[]) => {
      for (const expected of lines) assert.match(await client.line(), expected);
    };
    const capabilities = async () => {
      const names: string[] = [];
      for (;;) {
        const line = await client.line();
        if (line.startsWith("OK")) return names;
        names.push(/^"([^"]+)"/.exec(line)?.[1] ?? line);
      }
    };
    assert.ok((await capabilities()).includes("STARTTLS"));
    await client.write("STARTTLS\r\n");
    await answers(/^OK/);
    await client.startTls();
    // It asks, and takes the answer that came unasked for the one to its question.
    await client.write("CAPABILITY\r\n");
    const unasked = await capabilities();
    assert.deepEqual(unasked, await capabilities());
    assert.ok(unasked.includes("IMPLEMENTATION") && !unasked.includes("STARTTLS"));
    const plain = Buffer.from(`\0${ALICE}\0${PASSWORD}`).toString("base64");
    await client.write(`AUTHENTICATE "PLAIN" "${plain}"\r\n`);
    await answers(/^OK "/);
    await client.write("LISTSCRIPTS\r\n");
    await answers(/^OK "/);
    const text = script.replaceAll("\n", "\r\n");
    await client.write(`CHECKSCRIPT {${text.length}+}\r\n${text}\r\n`);
    await answers(/^OK "/);
    await client.write(`PUTSCRIPT "a \\"b\\"" {${text.length}+}\r\n${text}\r\n`);
    await answers(/^OK "/);
    await client.write('RENAMESCRIPT "a \\"b\\"" "c"\r\nSETACTIVE "c"\r\nNOOP\r\nLISTSCRIPTS\r\n');
    await answers(/^OK/, /^OK/, /^OK/, /^"c" ACTIVE$/, /^OK/);
    await client.write('SETACTIVE ""\r\nDELETESCRIPT "c"\r\nLOGOUT\r\n');
    await answers(/^OK/, /^OK/, /^OK/);
  });

  test("a filter that is attached to a mailbox runs when IMAP changes it", async () => {
    const watching = join(suite.directory, "watch.sieve");
    const lines = [
      'require ["imapsieve", "environment", "imap4flags", "fileinto", "copy"];',
      'if environment "imap.cause" "APPEND" { fileinto :copy "INBOX"; addflag "$seen-by-filter"; }',
    ];
    await writeFile(watching, lines.join("\n"));
    const data = ["--data", suite.directory];
    await succeeding(posthouse("sieve", "put", ALICE, "watch", watching, ...data));
    await succeeding(posthouse("sieve", "attach", ALICE, "watch", "Archive", ...data));
    using imap = await ImapDialogue.login(suite.portOf("imap"), ALICE, PASSWORD);
    await imap.ok("SELECT INBOX");
    const { exists } = imap;
    const { completion } = await imap.append("Archive", Buffer.from("Subject: kept\r\n\r\nx\r\n"));
    assert.match(completion, /^OK/);
    await imap.existsBeyond(exists);
    const [fetched] = await imap.ok(`FETCH ${exists + 1} BODY.PEEK[]`);
    assert.equal(fetched?.literals[0]?.toString(), "Subject: kept\r\n\r\nx\r\n");
  });

  test("commands about accounts and filters that a person types, each once", async () => {
    const data = ["--data", suite.directory];
    const does = (...args: string[]) => succeeding(posthouse(...args, ...data));
    assert.match(await does("apop-secret", "make", ALICE), /^[a-z0-9]{26}\nWARNING: /);
    const friends = join(suite.directory, "friends.txt");
    await writeFile(friends, "bob@example.net\n");
    await does("sieve", "put-list", ALICE, "default", friends);
    assert.match(await does("sieve", "lists", ALICE), /^default +:addrbook:default$/m);
    const url = "https://hooks.example.org/mail";
    const [secret] = (await does("account", "webhook", "set", ALICE, url)).split("\n");
    assert.equal(await does("account", "webhook", "show", ALICE), `${url}\n${secret}\n`);
    await does("account", "webhook", "remove", ALICE, "--yes");
  });

  test("posthouse watch tells of new mail, a line of JSON a message", async () => {
    let told: string | undefined;
    const first = spawnPosthouse(["watch", ALICE, "--json", "--data", suite.directory], (line) => {
      told = line;
      return true;
    });
    first.catch(() => undefined);
    using imap = await ImapDialogue.login(suite.portOf("imap"), ALICE, PASSWORD);
    // It tells of what comes once it looks, and does not say when that is.
    for (let count = 0; told === undefined && count < 5000; count += 1) {
      await imap.append("Trash", Buffer.from("Subject: seen\r\n\r\nx\r\n"));
    }
    const watching = await first;
    await watching.stop();
    const { type, account, mailbox } = JSON.parse(told ?? "") as Record<string, unknown>;
    assert.deepEqual(
      { type, account, mailbox },
      { type: "appended", account: ALICE, mailbox: "Trash" },
    );
  });
});
