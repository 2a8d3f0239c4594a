import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import {
  clamdFilter,
  type FilteredMail,
  milterFilter,
  parseEndpoint,
  rspamdFilter,
  runFilters,
} from "../src/index.ts";
import { soundFields } from "../src/texts.ts";

const mail: FilteredMail = {
  messageId: "1",
  hostname: "mx",
  clientAddress: "192.0.2.1",
  clientName: undefined,
  helo: "h",
  reversePath: "",
  recipients: ["ann@example.test"],
  tls: undefined,
  async *octets() {
    yield Buffer.from("Subject: x\r\n\r\nHello\r\n");
  },
};

const kinds = { milter: milterFilter, rspamd: rspamdFilter, clamd: clamdFilter };

async function ask(kind: keyof typeof kinds, answer: (socket: Socket) => void, timeoutMs = 20_000) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("data", () => undefined);
    answer(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const filter = kinds[kind]({
    name: kind,
    endpoint: { host: "127.0.0.1", port },
    whenFound: "reject",
  });
  const results = await runFilters([{ filter, timeoutMs, onFailure: "defer" }], mail);
  for (const socket of sockets) socket.destroy();
  server.close();
  return results[0];
}

for (const kind of ["milter", "rspamd", "clamd"] as const) {
  test(`a ${kind} that is not there counts as its policy says`, async () => {
    const endpoint = { path: "/nowhere/at/all" };
    const filter = kinds[kind]({ name: kind, endpoint, whenFound: "reject" });
    const stages = (["accept", "junk", "defer"] as const).map((onFailure) => ({
      filter,
      timeoutMs: 20_000,
      onFailure,
    }));
    const results = await runFilters(stages, mail);
    assert.deepEqual(
      results.map(({ verdict }) => verdict.action),
      ["accept", "junk", "tempfail"],
    );
    assert.ok(results.every(({ failure }) => failure?.message.includes("/nowhere/at/all")));
  });

  test(`a ${kind} that says nothing is given up`, async () => {
    const result = await ask(kind, () => undefined, 50);
    assert.match(result?.failure?.message ?? "", /did not answer within 50 ms/);
  });

  test(`a ${kind} that closes at once fails`, async () => {
    assert.ok((await ask(kind, (socket) => socket.destroy()))?.failure);
  });

  test(`a ${kind} that answers anything has a verdict, and ends`, async () => {
    const answers = fc.uint8Array({ maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(answers, async (octets) => {
        const result = await ask(kind, (socket) => socket.end(octets));
        assert.ok(result?.verdict);
      }),
      { numRuns: 30 },
    );
  });
}

test("a milter that announces a giant packet fails", async () => {
  const result = await ask("milter", (socket) => socket.write(Buffer.from([0x7f, 255, 255, 255])));
  assert.match(result?.failure?.message ?? "", /cannot send a packet of 2147483647 octets/);
});

test("a milter that insists on changing the body fails, with that reason", async () => {
  const octets = Buffer.from([0, 0, 0, 13, 0x4f, 0, 0, 0, 6, 0, 0, 0, 3, 0, 0, 0, 0]);
  const result = await ask("milter", (socket) => socket.write(octets));
  assert.match(result?.failure?.message ?? "", /wants to change recipients or the body/);
});

test("an rspamd whose answer has no end fails", async () => {
  const result = await ask("rspamd", (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n${"x".repeat(2_000_000)}`);
  });
  assert.match(result?.failure?.message ?? "", /has no end/);
});

test("a field that a filter adds is one field", () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ unit: "binary", maxLength: 300 }), (name, value) => {
      for (const field of soundFields([{ name, value }])) {
        assert.match(field.name, /^[!-9;-~]+$/);
        assert.doesNotMatch(`${field.value}\r\n`, /[\r\n](?![\n\t]|$)|\0/);
      }
    }),
  );
  assert.deepEqual(soundFields([{ name: "X-A", value: "one\r\n two\r\n\r\nBody" }]), [
    { name: "X-A", value: "one\r\n\ttwo\r\n\tBody" },
  ]);
  assert.deepEqual(soundFields([{ name: "X A:", value: "x" }]), []);
});

test("parseEndpoint()", () => {
  assert.deepEqual(parseEndpoint("/run/x.sock"), { path: "/run/x.sock" });
  assert.deepEqual(parseEndpoint("127.0.0.1:11333"), { host: "127.0.0.1", port: 11_333 });
  assert.deepEqual(parseEndpoint("[::1]:3310"), { host: "::1", port: 3310 });
  for (const wrong of ["", "x", "x:0", "x:99999", "::1:25", "http://x:1"]) {
    assert.equal(parseEndpoint(wrong), undefined, wrong);
  }
});
