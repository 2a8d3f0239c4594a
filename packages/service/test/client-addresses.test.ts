import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { ClientAddressWatch } from "@posthouse/service";

/** What the watch has said after connections from these addresses. */
function warningsAfter(addresses: readonly (string | undefined)[]): readonly string[] {
  const warnings: string[] = [];
  const watch = new ClientAddressWatch({
    warn: (_fields: unknown, text?: string) => void warnings.push(text ?? ""),
  });
  for (const address of addresses) watch.accepted(address);
  return warnings;
}

const times = (count: number, address: string | undefined) =>
  Array.from({ length: count }, () => address);

for (const address of [
  "10.1.2.3",
  "172.18.0.1",
  "192.168.1.1",
  "169.254.0.9",
  "::ffff:172.18.0.1",
  "fd00::1",
  "fe80::1%eth0",
]) {
  test(`a hundred first connections from ${address} alone are one warning`, () => {
    assert.deepEqual(warningsAfter(times(99, address)), []);
    const [warning = "", ...more] = warningsAfter(times(300, address));
    assert.match(warning, /NAT or a proxy .* network_mode: host/);
    assert.deepEqual(more, []);
  });
}

for (const address of ["192.0.2.1", "172.32.0.1", "2001:db8::1", "127.0.0.1", "::1", undefined]) {
  test(`${address ?? "a client that has gone"} is nothing to warn of`, () => {
    assert.deepEqual(warningsAfter(times(300, address)), []);
  });
}

test("one client with another address ends the watch", () => {
  const gateway = times(99, "172.18.0.1");
  assert.deepEqual(warningsAfter([...gateway, "172.18.0.7", ...gateway, ...gateway]), []);
  assert.deepEqual(warningsAfter([...gateway, "192.0.2.1", ...gateway, ...gateway]), []);
});

test("health checks of this host do not count and do not end the watch", () => {
  const mixed = [...times(50, "172.18.0.1"), ...times(50, "127.0.0.1")];
  assert.deepEqual(warningsAfter(mixed), []);
  assert.equal(warningsAfter([...mixed, ...times(50, "172.18.0.1")]).length, 1);
});

test("watch() looks at what a server accepts and leaves the connection alone", async () => {
  const warnings: unknown[] = [];
  const server = createServer((socket) => socket.end("hello"));
  new ClientAddressWatch({ warn: (fields: unknown) => void warnings.push(fields) }).watch(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  assert.equal((await Array.fromAsync(socket)).join(""), "hello");
  assert.deepEqual(warnings, []);
  server.close();
});
