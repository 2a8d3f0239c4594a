import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import { test } from "node:test";
import { connectTo } from "@posthouse/transcript";
import { type ImapServer, startImapServer } from "./imap-server.ts";

/** Another process that serves the same mail. */
async function startSecond(
  server: ImapServer,
): Promise<AsyncDisposable & { readonly port: number }> {
  const child = fork(new URL("./server-app.ts", import.meta.url), [
    dirname(server.context.config.paths.mail),
  ]);
  const exited = once(child, "exit");
  const [port] = (await once(child, "message")) as [number];
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.disconnect();
      await exited;
    },
  };
}

/** One logged-in client: sends a line, and gives all lines up to one that has `marker`. */
class Client {
  readonly #socket: Socket;
  #heard = "";
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#heard += text;
      this.#wake?.();
    });
  }

  async ask(line: string, marker = `${line.split(" ", 1)[0]} `): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    return this.until(marker);
  }

  async until(marker: string): Promise<string> {
    for (;;) {
      const at = this.#heard.search(
        new RegExp(`^${marker.replaceAll(/[*+()[\]\\]/g, "\\$&")}.*\r\n`, "m"),
      );
      const end = at === -1 ? -1 : this.#heard.indexOf("\r\n", at);
      if (end !== -1) {
        const lines = this.#heard.slice(0, end);
        this.#heard = this.#heard.slice(end + 2);
        return lines;
      }
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function logIn(port: number, name: string): Promise<Client> {
  const client = new Client(await connectTo({ port }));
  assert.match(await client.ask(`l LOGIN ${name} secret`), /l OK/);
  return client;
}

const TEAM = "Shared/ann@example.org/Team";

test("two users in two processes share a mailbox, each with a \\Seen of his own", async () => {
  await using server = await startImapServer();
  await using second = await startSecond(server);
  const ann = await logIn(server.port, "ann");
  const bob = await logIn(second.port, "bob");
  try {
    await ann.ask("a1 CREATE Team");
    await ann.ask("a2 SETACL Team bob lrswit");
    assert.match(await bob.ask('b1 LIST "" *'), new RegExp(TEAM));
    assert.match(await bob.ask(`b2 SELECT ${TEAM}`), /b2 OK \[READ-WRITE\]/);
    await bob.ask("b3 IDLE", "+ idling");

    // What ann's process does reaches bob, who is idle in another.
    await ann.ask("a3 APPEND Team {14+}\r\nSubject: one\r\n");
    await bob.until("* 1 EXISTS");
    await bob.ask("DONE", "b3 OK");
    assert.match(
      await bob.ask("b4 STORE 1 +FLAGS (\\Seen \\Flagged)"),
      /FLAGS \(\\Flagged \\Seen\)/,
    );

    // And the other way round: his flags, but for \Seen.
    assert.match(await ann.ask("a4 SELECT Team"), /a4 OK/);
    assert.match(await ann.ask("a5 FETCH 1 FLAGS"), /FLAGS \(\\Flagged\)/);
    await ann.ask("a6 IDLE", "+ idling");
    await bob.ask("b5 STORE 1 +FLAGS.SILENT (\\Answered)");
    await ann.until("* 1 FETCH (FLAGS (\\Answered \\Flagged))");
    await ann.ask("DONE", "a6 OK");

    // A third session of bob's, in ann's process, sees what he has read.
    const again = await logIn(server.port, "bob");
    assert.match(await again.ask(`c1 STATUS ${TEAM} (UNSEEN)`), /UNSEEN 0/);
    again.close();
    assert.match(await ann.ask("a7 STATUS Team (UNSEEN)"), /UNSEEN 1/);
  } finally {
    ann.close();
    bob.close();
  }
});

test("a guest without rights learns nothing of what is there", async () => {
  await using server = await startImapServer();
  const ann = await logIn(server.port, "ann");
  const bob = await logIn(server.port, "bob");
  try {
    await ann.ask("a1 CREATE Secret");
    const name = (mailbox: string) => `Shared/ann@example.org/${mailbox}`;
    const commands = [
      (box: string) => `SELECT ${name(box)}`,
      (box: string) => `EXAMINE ${name(box)}`,
      (box: string) => `STATUS ${name(box)} (MESSAGES)`,
      (box: string) => `DELETE ${name(box)}`,
      (box: string) => `RENAME ${name(box)} Mine`,
      (box: string) => `CREATE ${name(box)}/Below`,
      (box: string) => `GETACL ${name(box)}`,
      (box: string) => `SETACL ${name(box)} bob lr`,
      (box: string) => `DELETEACL ${name(box)} bob`,
      (box: string) => `LISTRIGHTS ${name(box)} bob`,
      (box: string) => `MYRIGHTS ${name(box)}`,
      (box: string) => `GETMETADATA ${name(box)} /shared/comment`,
      (box: string) => `SETMETADATA ${name(box)} (/shared/comment "x")`,
      (box: string) => `GETQUOTAROOT ${name(box)}`,
      (box: string) => `APPEND ${name(box)} {2+}\r\nx`,
    ];
    await bob.ask("b0 SELECT INBOX");
    await bob.ask("b1 APPEND INBOX {2+}\r\nx");
    await bob.ask("b2 NOOP");
    for (const [at, command] of [...commands, (box: string) => `COPY 1 ${name(box)}`].entries()) {
      const there = await bob.ask(`x${at} ${command("Secret")}`);
      const absent = await bob.ask(`x${at} ${command("Absent")}`);
      assert.match(there, /NO \[(NONEXISTENT|TRYCREATE)\]/, command("Secret"));
      assert.equal(there.replaceAll("Secret", ""), absent.replaceAll("Absent", ""));
      // What it leaves behind is selected for the next: SELECT that fails has nothing selected.
      await bob.ask(`y${at} SELECT INBOX`);
    }
    assert.doesNotMatch(await bob.ask('z LIST "" *'), /Shared/);
  } finally {
    ann.close();
    bob.close();
  }
});
