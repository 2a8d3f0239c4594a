import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openMailStore } from "@posthouse/mailbox-store";
import { connectTo, parseTranscript, playTranscript } from "@posthouse/transcript";
import { account } from "./test-server.ts";

interface Child extends AsyncDisposable {
  readonly process: ChildProcess;
  readonly port: number;
  readonly mailDirectory: string;
}

const marks = `
S: +OK $*
C: USER ann
S: +OK $*
C: PASS secret
S: +OK $*
C: DELE 1
S: +OK $*
C: DELE 2
S: +OK $*
`;

// The rows of the crash table above Maildrop.update().
const rows = [
  { row: "U1: killed before QUIT", crashAt: "", ending: "", left: [1, 2, 3] },
  {
    row: "U2: killed between two messages",
    crashAt: "X2",
    ending: "C: QUIT\nS: <closed>",
    left: [2, 3],
  },
  {
    row: "U3: killed before +OK",
    crashAt: "U3",
    ending: "C: QUIT\nS: <closed>",
    left: [3],
  },
  {
    row: "U4: killed after +OK",
    crashAt: "",
    ending: "C: QUIT\nS: +OK $*\nS: <closed>",
    left: [3],
  },
];
for (const { row, crashAt, ending, left } of rows) {
  test(`only what was marked can be gone, and the maildrop is free: ${row}`, async () => {
    await using child = await startChild(crashAt);
    const exited = once(child.process, "exit");
    await playTranscript(parseTranscript(marks + ending), {
      connect: () => connectTo({ port: child.port }),
    });
    if (crashAt === "") child.process.kill("SIGKILL");
    await exited;

    await using store = await openMailStore({
      mailDirectory: child.mailDirectory,
      messageBytesMax: 1024 * 1024,
      host: "mail.example.test",
    });
    await using mail = await store.openAccount(account);
    await using lock = await mail.lockMaildrop();
    assert.notEqual(lock, undefined);
    await using inbox = await mail.openMailbox("INBOX");
    const { after } = await inbox.sync(inbox.columns);
    assert.deepEqual([...after.uids], left);
  });
}

async function startChild(crashAt: string): Promise<Child> {
  const process = fork(fileURLToPath(new URL("./crash-child.ts", import.meta.url)), [crashAt]);
  const [{ port, directory, mailDirectory }] = await once(process, "message");
  return {
    process,
    port,
    mailDirectory,
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await rm(directory, { recursive: true, force: true });
    },
  };
}
