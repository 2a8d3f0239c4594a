import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { withLineFeeds } from "../src/gateway/gateway.ts";
import { runProgram } from "../src/gateway/run-program.ts";
import { replyOfExit } from "../src/gateway/sysexits.ts";
import { eventsOf, MESSAGE, remote, type SendingHost, sendingHost } from "./sending-host.ts";

/** A host whose mail all goes by one route, and a directory to look into. */
async function hostWith(route: (directory: string) => string) {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "posthouse-gateway-"));
  opened.defer(() => rm(directory, { recursive: true }));
  const smtpOut = `[[smtp_out.routes]]\n${route(directory)}`;
  const host = opened.use(await sendingHost({ smtpOut }));
  await host.start();
  const owner = opened.move();
  return { host, directory, [Symbol.asyncDispose]: () => owner.disposeAsync() };
}

const program = (script: string, ...words: readonly string[]) =>
  `command = ${JSON.stringify(["/bin/sh", "-c", script, "gate", ...words])}`;

/** Resolves when a message has come to its end. */
const isOver = (host: SendingHost, messageId = "m1") =>
  host.until(async (queue) => {
    const ends = (await eventsOf(host)).filter(
      (event) =>
        event.messageId === messageId && (event.type === "relayed" || event.type === "bounced"),
    );
    return ends.length > 0 && (await queue.count()) === 0;
  });

async function lastReply(host: SendingHost) {
  await host.until(async (queue) => {
    const [entry] = await queue.list();
    return entry?.recipients[0]?.lastReply !== undefined;
  });
  return (await host.queue.list())[0]?.recipients[0]?.lastReply;
}

test("a program gets the message with Return-Path and line feeds, the addresses as words, and no shell sees them", async () => {
  await using all = await hostWith((directory) =>
    program(
      `cat > ${directory}/message; printf '%s\\n' "$@" > ${directory}/words; env > ${directory}/env`,
      "-f{sender}",
      "--",
      "{recipients}",
    ),
  );
  await all.host.enqueue({
    reversePath: "$(id)@here.example",
    recipients: [remote("bob@there.example"), remote("{sender};id@there.example")],
  });
  await isOver(all.host);
  const written = (name: string) => readFile(join(all.directory, name), "utf8");
  assert.equal(
    await written("message"),
    `Return-Path: <$(id)@here.example>\n${MESSAGE.replaceAll("\r\n", "\n")}`,
  );
  assert.equal(
    await written("words"),
    "-f$(id)@here.example\n--\nbob@there.example\n{sender};id@there.example\n",
  );
  assert.match(await written("env"), /^SENDER=\$\(id\)@here\.example$/m);
});

test("with {recipient} a program runs once for each, and each has its own answer", async () => {
  await using all = await hostWith((directory) =>
    program(
      `cat >> ${directory}/all; case "$1" in bob@*) exit 0;; *) echo "later, please" >&2; exit 75;; esac`,
      "{recipient}",
    ),
  );
  await all.host.enqueue({
    recipients: [remote("cid@there.example"), remote("bob@there.example")],
  });
  assert.deepEqual(await lastReply(all.host), {
    code: 451,
    enhanced: "4.3.0",
    text: "sh ended with exit code 75 (EX_TEMPFAIL): later, please",
  });
  const [entry] = await all.host.queue.list();
  assert.deepEqual(entry?.recipients[1]?.state, { kind: "final", status: "relayed" });
});

test("an address that a program would take for an option is refused, and the program does not run", async () => {
  await using all = await hostWith((directory) =>
    program(`echo > ${directory}/ran`, "{recipients}"),
  );
  await all.host.enqueue({ reversePath: "", recipients: [remote("-oQ/tmp@there.example")] });
  await isOver(all.host);
  assert.deepEqual(await readdir(all.directory), []);
});

test("a program that is not there keeps the mail waiting, and says so", async () => {
  await using all = await hostWith(() => `command = ["/nowhere/gate"]`);
  await all.host.enqueue();
  assert.match((await lastReply(all.host))?.text ?? "", /^Cannot run gate: .*ENOENT/);
});

test("a directory gets whole files of batch SMTP, which are the session that a client would have", async () => {
  await using all = await hostWith((directory) => `via = "bsmtp:${directory}"`);
  await all.host.enqueue(
    { recipients: [remote("bob@there.example"), remote("cid@there.example")] },
    "Subject: dots\r\n\r\n.\r\n..two\r\n",
  );
  await isOver(all.host);
  const names = await readdir(all.directory);
  assert.equal(names.length, 1);
  assert.match(names[0] ?? "", /^[^.].*\.bsmtp$/);
  assert.equal(
    await readFile(join(all.directory, names[0] ?? ""), "latin1"),
    `HELO ${all.host.context.config.hostname}\r\nMAIL FROM:<ann@here.example>\r\nRCPT TO:<bob@there.example>\r\nRCPT TO:<cid@there.example>\r\nDATA\r\nSubject: dots\r\n\r\n..\r\n...two\r\n.\r\nQUIT\r\n`,
  );
});

test("a directory that is not there keeps the mail waiting", async () => {
  await using all = await hostWith((directory) => `via = "bsmtp:${directory}/none"`);
  await all.host.enqueue();
  assert.match((await lastReply(all.host))?.text ?? "", /^Cannot write into .*ENOENT/);
  await mkdir(join(all.directory, "none"));
  await all.host.queue.flush("there.example");
  await isOver(all.host);
  assert.equal((await readdir(join(all.directory, "none"))).length, 1);
});

test("batch SMTP for a program says what the message needs, and keeps no promise of TLS", async () => {
  await using all = await hostWith(
    (directory) => `${program(`cat > ${directory}/$$`)}\nformat = "batch-smtp"`,
  );
  await all.host.enqueue({ messageId: "m1", body: "8BITMIME", smtpUtf8: true });
  await isOver(all.host);
  const [name = ""] = await readdir(all.directory);
  const batch = await readFile(join(all.directory, name), "utf8");
  assert.match(batch, /^EHLO .*\r\nMAIL FROM:<ann@here\.example> SMTPUTF8\r\n/);
  const failed = {
    requireTls: true,
    recipients: [remote("bob@there.example", { notify: ["NEVER"] })],
  };
  await all.host.enqueue({ messageId: "m2", ...failed });
  await isOver(all.host, "m2");
  await all.host.enqueue({ messageId: "m3", ...failed, requireTls: false, body: "BINARYMIME" });
  await isOver(all.host, "m3");
  assert.equal((await readdir(all.directory)).length, 1);
});

const run = { signal: new AbortController().signal, environment: {} };
async function* octets(...chunks: readonly string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

test("a program need not read what it does not want", async () => {
  const much = octets(...Array.from({ length: 64 }, () => "x".repeat(65_536)));
  const reply = await runProgram(["/bin/sh", "-c", "exit 67"], much, run);
  assert.deepEqual([reply.code, reply.enhanced], [550, "5.1.1"]);
});

test("a program that hangs is killed with what it started, also when that let go of it", async () => {
  const hanging = ["/bin/sh", "-c", "setsid sleep 5 & sleep 5"];
  const reply = await runProgram(hanging, octets("x"), { ...run, timeoutMs: 50 });
  assert.deepEqual([reply.code, reply.text], [451, "sh was ended by SIGKILL"]);
});

test("half a message is never taken for the whole: the program is killed when the rest cannot be read", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-gateway-"));
  t.after(() => rm(directory, { recursive: true }));
  async function* broken() {
    yield Buffer.from("first half");
    throw new Error("The lease ended");
  }
  const script = `cat > ${directory}/got; echo > ${directory}/finished`;
  await assert.rejects(runProgram(["/bin/sh", "-c", script], broken(), run), /The lease ended/);
  assert.ok(!(await readdir(directory)).includes("finished"));
});

const exits = [
  [{ code: 0, signal: null }, 250],
  [{ code: 65, signal: null }, 554],
  [{ code: 69, signal: null }, 554],
  [{ code: 75, signal: null }, 451],
  [{ code: 78, signal: null }, 451],
  [{ code: 1, signal: null }, 451],
  [{ code: 127, signal: null }, 451],
  [{ code: null, signal: "SIGSEGV" }, 451],
] as const;
for (const [exit, code] of exits) {
  test(`the end ${exit.code ?? exit.signal} of a program means ${code}`, () => {
    const reply = replyOfExit("gate", exit, "");
    assert.equal(reply.code, code);
    assert.equal(reply.enhanced?.[0], String(code)[0]);
  });
}

test("CRLF becomes LF wherever chunks end, and a lone CR stays", async () => {
  const all = await Array.fromAsync(withLineFeeds(octets("a\r", "\nb\r", "", "\r\nc\rd", "\r")));
  assert.equal(Buffer.concat(all).toString(), "a\nb\r\nc\rd\r");
});
