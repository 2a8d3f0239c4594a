import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import {
  connectTo,
  describeTranscripts,
  parseTranscript,
  playTranscript,
  TranscriptMismatch,
  TranscriptSyntaxError,
} from "../src/index.ts";

/** A server that greets, answers each line with itself, counts, and does a few odd things on request. */
async function startEcho(): Promise<AsyncDisposable & { port: number }> {
  const server: Server = createServer((socket) => greet(socket));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

function greet(socket: Socket): void {
  let pending = "";
  let count = 0;
  socket.setEncoding("latin1").on("error", () => {});
  socket.write("hello\r\n");
  socket.on("data", (chunk: string) => {
    const lines = (pending + chunk).split("\r\n");
    pending = lines.pop() ?? "";
    for (const line of lines) {
      count += 1;
      if (line === "QUIT") socket.end("bye\r\n");
      else if (line === "BARE") socket.write("a\nb\r\n");
      else if (line === "TWO") socket.write("one\r\ntwo\r\n");
      else if (line.startsWith("LENGTH")) socket.write(`${line.length}\r\n`);
      else if (line !== "SILENCE") socket.write(`${count} <${line}>\r\n`, "latin1");
    }
  });
}

async function play(text: string, variables: Record<string, string> = {}, timeoutMs = 5000) {
  await using server = await startEcho();
  const connect = () => connectTo({ port: server.port });
  return await playTranscript(parseTranscript(text, "echo.txt"), {
    connect,
    variables,
    timeoutMs,
  });
}

describeTranscripts(new URL("./transcripts/", import.meta.url), async () => {
  const server = await startEcho();
  return {
    connect: () => connectTo({ port: server.port }),
    variables: { user: "ann" },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
});

const mismatches = [
  {
    name: "a different line",
    text: "S: hello\nC: x\nS: 1 <y>",
    expected: "1 <y>",
    got: "1 <x>",
    lineNumber: 3,
  },
  {
    name: "a variable with another value",
    text: "S: hello\nC: x\nS: $n <x>\nC: x\nS: $n <x>",
    expected: "$n <x>   ($n is 1)",
    got: "2 <x>",
    lineNumber: 5,
  },
  {
    name: "a lone LF where CRLF is due",
    text: "S: hello\nC: BARE\nS: a",
    expected: "a",
    got: "a\\x0ab",
    lineNumber: 3,
  },
  {
    name: "a close instead of a line",
    text: "S: hello\nC: QUIT\nS: bye\nS: more",
    expected: "more",
    got: "<closed>",
    lineNumber: 4,
  },
  {
    name: "a line instead of a close",
    text: "S: hello\nC: x\nS: <closed>",
    expected: "<closed>",
    got: "1 <x>",
    lineNumber: 3,
  },
  {
    name: "a line too many at the end",
    text: "S: hello\nC: TWO\nS: one",
    expected: "nothing more",
    got: "two\\x0d\\x0a",
    lineNumber: 3,
  },
  {
    name: "a skip that never finds its line",
    text: "S: hello\nC: TWO\nC: QUIT\nS: ...\nS: three",
    expected: "three (now or after other lines)",
    got: "<closed>",
    lineNumber: 5,
  },
  {
    name: "a variable without a value",
    text: "S: hello\nC: $who",
    expected: "$who",
    got: "$who has no value yet",
    lineNumber: 2,
  },
];
for (const { name, text, expected, got, lineNumber } of mismatches) {
  test(`playTranscript() tells of ${name}`, async () => {
    const error = await play(text).then(
      () => assert.fail("no mismatch was found"),
      (reason: unknown) => reason,
    );
    assert(error instanceof TranscriptMismatch, String(error));
    assert.deepEqual(
      { expected: error.expected, got: error.got, lineNumber: error.lineNumber },
      { expected, got, lineNumber },
    );
    assert.equal(error.file, "echo.txt");
  });
}

test("the message of a mismatch shows the place, both lines and the whole dialogue", async () => {
  await assert.rejects(play("S: hello\n1C: a\n1S: 1 <a>\n2S: hello\n2C: \\x00é\n2S: no"), {
    message: [
      "echo.txt:6: The server did not answer as expected",
      "  expected: no",
      "  got:      1 <\\x00é>",
      "The dialogue so far:",
      "  1S: hello",
      "  1C: a",
      "  1S: 1 <a>",
      "  2S: hello",
      "  2C: \\x00é",
      "  2S: 1 <\\x00é>",
    ].join("\n"),
  });
});

test("a server that says nothing is a mismatch and not a hang", async () => {
  await assert.rejects(play("S: hello\nC: SILENCE\nS: $*", {}, 50), {
    name: "TranscriptMismatch",
    got: "nothing within 50 ms",
  });
});

test("a part of a line without its CRLF is shown", async () => {
  const server = createServer((socket) => socket.end("+OK no line end"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const played = playTranscript(parseTranscript("S: +OK no line end"), {
    connect: () => connectTo({ port: address.port }),
  });
  await assert.rejects(played, { got: '<closed>, after "+OK no line end" without CRLF' });
  server.close();
});

test("playTranscript() resolves with the variables, given and captured", async () => {
  const variables = await play("S: $greeting\nC: $user\nS: $n <$user>", { user: "ann" });
  assert.deepEqual(Object.fromEntries(variables), { user: "ann", greeting: "hello", n: "1" });
});

test("parseTranscript() reads title and settings", () => {
  const { title, settings, steps } = parseTranscript(
    "# FETCH, RFC 9051 §6.4.5\n# more\n\n@mailbox three messages\n@read-only\nS: x\n",
  );
  assert.equal(title, "FETCH, RFC 9051 §6.4.5");
  assert.deepEqual(
    [...settings],
    [
      ["mailbox", "three messages"],
      ["read-only", ""],
    ],
  );
  assert.equal(steps.length, 1);
});

for (const [text, message] of [
  ["S: a\nX: b", 'bad.txt:2: Cannot read "X: b"'],
  ["S:a", 'bad.txt:1: Cannot read "S:a"'],
  ["S: ...", 'bad.txt: Nothing follows "S: ..."'],
  ["S: ...\nC: a", 'bad.txt:2: "S: ..." of client 1 has no expected line after it'],
] as const) {
  test(`parseTranscript() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseTranscript(text, "bad.txt"),
      (error) => error instanceof TranscriptSyntaxError && error.message === message,
    );
  });
}
