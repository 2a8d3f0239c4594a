import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { TEST_TOML, testContext } from "@posthouse/service";
import { forkProgram } from "@posthouse/test-tools";

/** A client that is logged in, and sends one command after the other. */
async function logIn(port: number, name = "ann") {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const heard: string[] = [];
  /** Resolves with all lines up to the one that fits. */
  async function until(pattern: RegExp): Promise<string[]> {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`The connection ended after ${JSON.stringify(heard)}`);
      heard.push(value);
      if (pattern.test(value)) return heard.splice(0);
    }
  }
  const ask = async (command: string, pattern = /^a /) => {
    socket.write(`a ${command}\r\n`);
    return await until(pattern);
  };
  await until(/^\* OK/);
  const [answer = ""] = (await ask(`LOGIN ${name} secret`)).slice(-1);
  return { socket, ask, until, answer, send: (text: string) => socket.write(text) };
}

async function startApp() {
  const context = await testContext();
  await writeFile(
    join(context.directory, "posthouse.toml"),
    TEST_TOML.replaceAll("{directory}", context.directory),
  );
  const { child, exited, said, ready } = await forkProgram(
    join(import.meta.dirname, "workers-app.ts"),
    ["--data", context.directory],
  );
  const { addresses } = ready as {
    readonly addresses: readonly [{ readonly port: number }, { readonly port: number }];
  };
  const [{ port }, { port: tlsPort }] = addresses;
  return {
    port,
    tlsPort,
    said,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await exited;
      await context[Symbol.asyncDispose]();
    },
  };
}

test("sessions in two processes are those of one server, and outlive the other process", async () => {
  await using app = await startApp();
  // The parent has these two, and its worker those that come after them.
  const ann = await logIn(app.port);
  const other = await logIn(app.port);
  const [, pid] = await app.said(/Worker 1 serves with us \(process (\d+)\)/);
  const phone = await logIn(app.port);

  await ann.ask("SELECT INBOX");
  await phone.ask("SELECT INBOX");
  await ann.ask("IDLE", /^\+/);
  phone.send("a APPEND INBOX {21+}\r\nSubject: hello\r\n\r\nHi\r\n\r\n");
  await ann.until(/^\* 1 EXISTS/);
  await phone.until(/^a OK/);
  await phone.ask("STORE 1 +FLAGS (\\Flagged $Later)");
  await ann.until(/^\* 1 FETCH .*\\Flagged \$Later/);

  // The other way round, from the parent's to the worker's.
  ann.send("DONE\r\n");
  await ann.until(/^a OK/);
  await phone.ask("IDLE", /^\+/);
  await ann.ask("STORE 1 +FLAGS.SILENT (\\Deleted)");
  await phone.until(/^\* 1 FETCH .*\\Deleted/);

  // A TLS session that one began goes on in the other.
  const options = { port: app.tlsPort, host: "127.0.0.1", rejectUnauthorized: false };
  const begun = connectTls(options);
  const [session] = (await once(begun, "session")) as [Buffer];
  const resumed: TLSSocket[] = [begun];
  for (let connection = 0; connection < 3; connection += 1) {
    const next = connectTls({ ...options, session });
    await once(next, "secureConnect");
    assert.equal(next.isSessionReused(), true);
    resumed.push(next);
  }
  for (const one of resumed) one.destroy();

  // Three are there; whoever comes when there are 50 is told so, wherever it is served.
  const many = await Promise.all(Array.from({ length: 47 }, () => logIn(app.port)));
  assert.match((await logIn(app.port)).answer, /^a NO \[LIMIT\]/);
  assert.match((await logIn(app.port)).answer, /^a NO \[LIMIT\]/);
  assert.match((await logIn(app.port, "bob")).answer, /^a OK/);
  for (const one of many) one.socket.destroy();

  process.kill(Number(pid), "SIGKILL");
  await once(phone.socket, "close");
  assert.deepEqual(await ann.ask("EXPUNGE"), ["* 1 EXPUNGE", "a OK EXPUNGE completed"]);
  assert.deepEqual((await other.ask("STATUS INBOX (MESSAGES)"))[0], "* STATUS INBOX (MESSAGES 0)");
  await app.said(/Worker 1 of imap died \(SIGKILL\)/);
});
