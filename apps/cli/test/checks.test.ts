import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { ZoneResolver } from "@posthouse/dns/zone";
import { isPublicAddress, testContext } from "@posthouse/service";
import { exitCodeOf } from "../src/checks/finding.ts";
import { addressFinding } from "../src/checks/host-addresses.ts";
import { memoryFinding } from "../src/checks/machine.ts";
import { port25OutFinding, waitForOutsider } from "../src/checks/port-25.ts";
import { inodesListening, portFindings } from "../src/checks/port-owner.ts";
import { portProblems } from "../src/supervisor/preflight.ts";

test("addresses that the internet cannot reach are not public", () => {
  for (const address of [
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.1.1",
    "::1",
    "fe80::1",
    "fd00::1",
    "::ffff:10.0.0.1",
  ]) {
    assert.equal(isPublicAddress(address), false, address);
  }
  for (const address of ["8.8.8.8", "172.32.0.1", "2a01:4f8::1", "::ffff:8.8.8.8"]) {
    assert.equal(isPublicAddress(address), true, address);
  }
});

test("what addresses a host has is said with what follows from it", () => {
  assert.match(addressFinding([]).fix ?? "", /--address/);
  assert.equal(addressFinding(["2a01:4f8::1"]).state, "warning");
  assert.match(addressFinding(["8.8.8.8"]).says, /no IPv6 address, which does no harm/);
  assert.equal(addressFinding(["8.8.8.8", "2a01:4f8::1"]).state, "good");
});

test("little memory is a warning, and swap counts", () => {
  const meminfo = (total: number, swap: number) =>
    `MemTotal: ${total} kB\nSwapTotal:  ${swap} kB\n`;
  assert.equal(memoryFinding(meminfo(500_000, 0)).state, "warning");
  assert.equal(memoryFinding(meminfo(500_000, 500_000)).state, "good");
});

test("port 25 out is open when a host greets, and else the finding has its words and a relay as the way out", async () => {
  const server = createServer((socket) => socket.resume().end(`${greeting}\r\n`));
  let greeting = "220 mx.test ESMTP";
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const resolver = new ZoneResolver({});
  const probe = { host: "127.0.0.1", port };
  assert.equal((await port25OutFinding({ resolver, probe })).state, "good");
  greeting = "554 no";
  const refused = await port25OutFinding({ resolver, probe });
  assert.match(refused.says, /127\.0\.0\.1 says 554 no/);
  await new Promise((resolve) => server.close(resolve));
  const closed = await port25OutFinding({ resolver, probe });
  assert.match(closed.says, /Port 25 out is closed: 127\.0\.0\.1 says ECONNREFUSED/);
  assert.match(closed.fix ?? "", /--smarthost/);
  assert.equal((await port25OutFinding({ resolver })).state, "unproven");
});

test("only somebody from outside proves that port 25 in is open", async () => {
  const listening = Promise.withResolvers<number>();
  let outside = false;
  const proof = waitForOutsider({
    hostname: "mail.example.test",
    port: 0,
    waitMs: 60_000,
    isOutside: () => outside,
    onListening: listening.resolve,
  });
  const port = await listening.promise;
  const visit = async () => {
    const socket = connect(port);
    const [greeting] = await once(socket, "data");
    socket.destroy();
    return String(greeting);
  };
  assert.match(await visit(), /^220 mail\.example\.test /);
  outside = true;
  await visit();
  assert.match((await proof) ?? "", /127\.0\.0\.1$|^::1$/);
  const nobody = await waitForOutsider({ hostname: "m.test", port: 0, waitMs: 1 });
  assert.equal(nobody, undefined);
});

test("a port that is taken is told with the program that has it", async (t) => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const [finding] = await portFindings([{ name: "smtp", address: "127.0.0.1", port }]);
  assert.match(finding?.says ?? "", new RegExp(`^Port ${port} \\(smtp\\) is taken by \\S`));
  assert.equal(finding?.state, "bad");
  const table =
    "  sl local rem st\n 0: 0100007F:0019 00000000:0000 0A 0:0 0:0 0 0 0 4711 1\n 1: 0100007F:0019 0:1 01 0:0 0:0 0 0 0 4712 1";
  assert.deepEqual(inodesListening(table, 25), ["4711"]);
});

test("monitoring is told the worst: 0, 1 for warnings, 2 for what is broken", () => {
  const finding = (state: "good" | "unproven" | "warning" | "bad") => ({
    id: "x",
    state,
    says: "",
  });
  assert.equal(exitCodeOf([finding("good"), finding("unproven")]), 0);
  assert.equal(exitCodeOf([finding("warning"), finding("good")]), 1);
  assert.equal(exitCodeOf([finding("warning"), finding("bad")]), 2);
});

test("a port that two listeners are to have is told, of which 0 is none", async () => {
  await using context = await testContext();
  const [listener] = context.config.imap.listeners;
  assert.ok(listener !== undefined);
  const withTwo = (port: number) => ({
    ...context.config,
    imap: {
      ...context.config.imap,
      listeners: [listener, listener].map((one) => ({ ...one, port })),
    },
  });
  assert.deepEqual(portProblems(withTwo(0)), []);
  const [problem, ...others] = portProblems(withTwo(1143));
  assert.match(problem ?? "", /gives 127\.0\.0\.1 port 1143 to two listeners, imap and imap: give/);
  assert.deepEqual(others, []);
});
