import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { AuthUnavailable, DirectoryError } from "../src/index.ts";
import { CallClient, type CallMethod, CallServer } from "../src/socket/index.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A socket that answers `methods`, and can be stopped and started as a process would be. */
async function serving(methods: Record<string, CallMethod>) {
  const on = temporaryDirectory();
  const socketPath = join(on.path, "s");
  const table = new Map(Object.entries(methods));
  const sockets = new Set<Socket>();
  const reported: unknown[] = [];
  let server: Server | undefined;

  async function begin(): Promise<void> {
    server = createServer((socket) => {
      sockets.add(socket);
      new CallServer(socket, table, (error) => reported.push(error));
    });
    server.listen(socketPath);
    await once(server, "listening");
  }
  function stop(): void {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    server?.close();
  }
  await begin();
  const clients: CallClient[] = [];
  return {
    socketPath,
    reported,
    sockets,
    begin,
    stop,
    client: (options: { callMs?: number; connectMs?: number } = {}) => {
      const client = new CallClient({ socketPath, ...options });
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
      stop();
      on[Symbol.dispose]();
    },
  };
}

/** Sends octets as they are; what comes back until the other side closes. */
async function sayRaw(socketPath: string, octets: string | Buffer): Promise<string> {
  const socket = connect(socketPath);
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  socket.on("error", () => undefined);
  socket.end(octets);
  await once(socket, "close");
  return answer;
}

test("calls are pipelined on one connection and answered as they get done", async () => {
  const slow = Promise.withResolvers<string>();
  await using served = await serving({ slow: () => slow.promise, quick: () => "quick" });
  const client = served.client();
  const first = client.call("slow", {});
  assert.equal(await client.call("quick", {}), "quick");
  slow.resolve("slow");
  assert.equal(await first, "slow");
  assert.equal(served.sockets.size, 1);
});

test("a refusal arrives with its code and its words", async () => {
  await using served = await serving({
    refuse: () => {
      throw new DirectoryError("in-use", "The domain still has accounts");
    },
    busy: () => Promise.reject(new AuthUnavailable("Too many")),
    defect: () => Promise.reject(new TypeError("secret detail")),
  });
  const client = served.client();
  await assert.rejects(client.call("refuse", {}), {
    name: "DirectoryError",
    code: "in-use",
    message: "The domain still has accounts",
  });
  await assert.rejects(client.call("busy", {}), { name: "AuthUnavailable", message: "Too many" });
  await assert.rejects(client.call("defect", {}), (error: Error) => {
    assert.equal(error.name, "AuthUnavailable");
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
  await assert.rejects(client.call("toString", {}), { code: "bad-request" });
  assert.equal(served.reported.length, 1);
});

test("a client begun before its server, and one whose server was restarted, are served", async () => {
  await using served = await serving({ ask: () => "answer" });
  served.stop();
  const client = served.client({ connectMs: 9000 });
  const early = client.call("ask", {});
  await served.begin();
  assert.equal(await early, "answer");
  served.stop();
  await served.begin();
  assert.equal(await client.call("ask", {}, { isRepeatable: true }), "answer");
});

test("a question is asked again when the connection breaks, a change is not", async () => {
  let asked = 0;
  const breaking = () => {
    asked += 1;
    if (asked > 1) return "second";
    for (const socket of served.sockets) socket.destroy();
    return "lost";
  };
  await using served = await serving({ breaking });
  const client = served.client();
  assert.equal(await client.call("breaking", {}, { isRepeatable: true }), "second");
  asked = 0;
  await assert.rejects(client.call("breaking", {}), AuthUnavailable);
  assert.equal(asked, 1);
});

test("a server that never answers is unavailable after the time of the call", async () => {
  await using served = await serving({ never: () => new Promise(() => undefined), ask: () => 1 });
  const client = served.client({ callMs: 50 });
  await assert.rejects(client.call("never", {}), AuthUnavailable);
  assert.equal(await served.client().call("ask", {}), 1);
});

test("a server that is not there, and a client that was closed, are unavailable", async () => {
  await using served = await serving({});
  served.stop();
  const client = served.client({ connectMs: 0 });
  await assert.rejects(client.call("ask", {}), {
    name: "AuthUnavailable",
    message: /Cannot reach/,
  });
  await client[Symbol.asyncDispose]();
  await assert.rejects(client.call("ask", {}), AuthUnavailable);
});

test("a server that talks nonsense is hung up on", async () => {
  const on = temporaryDirectory();
  const server = createServer(
    (socket) => void socket.on("error", () => undefined).write("HTTP/1.1 400\n"),
  );
  server.listen(join(on.path, "s"));
  await once(server, "listening");
  await using client = new CallClient({ socketPath: join(on.path, "s") });
  await assert.rejects(client.call("ask", {}), AuthUnavailable);
  server.close();
  on[Symbol.dispose]();
});

const nonsense: { name: string; octets: string | Buffer }[] = [
  { name: "text", octets: "EHLO example.org\r\n" },
  { name: "an array", octets: "[1,2,3]\n" },
  {
    name: "octets that are not UTF-8",
    octets: Buffer.from('{"id":1,"method":"\xff"}\n', "latin1"),
  },
  { name: "deep nesting", octets: `${"[".repeat(200_000)}\n` },
  { name: "a frame without end", octets: "x".repeat(300_000) },
];

for (const { name, octets } of nonsense) {
  test(`a peer that sends ${name} gets one error, and others are served`, async () => {
    await using served = await serving({ ask: () => "answer" });
    const answer = await sayRaw(served.socketPath, octets);
    assert.match(answer, /^\{"id":null,"error":\{"code":"bad-request","message":"[^"]+"\}\}\n$/);
    assert.equal(await served.client().call("ask", {}), "answer");
  });
}

test("a peer that hangs up in the middle of a frame or of a call harms nobody", async () => {
  const slow = Promise.withResolvers<string>();
  await using served = await serving({ slow: () => slow.promise, ask: () => "answer" });
  await sayRaw(served.socketPath, '{"id":1,"meth');
  await sayRaw(served.socketPath, '{"id":1,"method":"slow"}\n');
  slow.resolve("too late");
  assert.equal(await served.client().call("ask", {}), "answer");
  assert.deepEqual(served.reported, []);
});

test("a peer that asks and does not read stops being read from", async () => {
  const answer = "x".repeat(100_000);
  let asked = 0;
  const ask = () => {
    asked += 1;
    return answer;
  };
  await using served = await serving({ ask });
  const socket = connect(served.socketPath).pause();
  const requests = Array.from({ length: 20_000 }, (_, id) => `{"id":${id},"method":"ask"}\n`);
  socket.write(requests.join(""));
  // Served after the other connection has had its share of turns.
  const client = served.client();
  for (let i = 0; i < 50; i += 1) await client.call("ask", {});
  assert.ok(asked < 10_000, `${asked} answers wait in memory`);
  socket.destroy();
});

test("an answer too long for a frame is an error of ours and not a broken connection", async () => {
  await using served = await serving({ long: () => "x".repeat(300_000), ask: () => "answer" });
  const client = served.client();
  await assert.rejects(client.call("long", {}), AuthUnavailable);
  assert.equal(await client.call("ask", {}), "answer");
  assert.equal(served.sockets.size, 1);
});
