import assert from "node:assert/strict";
import { test } from "node:test";
import { type Candidate, chooseProcess } from "../src/workers/choose-process.ts";

/** How many connections each process has when these have come, one after the other. */
function place(addresses: readonly string[], processes: number, more: number) {
  const [parent = { number: 0, connections: 0, addresses: new Set<string>() }, ...workers] =
    Array.from({ length: processes }, (_, number) => ({
      number,
      connections: 0,
      addresses: new Set<string>(),
    }));
  for (const address of addresses) {
    const chosen = chooseProcess([parent, ...workers], address, more);
    chosen.connections += 1;
    chosen.addresses.add(address);
  }
  return [parent, ...workers];
}

const address = (number: number): string => `192.0.2.${number}`;

test("connections of an address stay together, and addresses spread", () => {
  const clients = Array.from({ length: 200 }, (_, number) => address(number));
  const processes = place([...clients, ...clients, ...clients, ...clients, ...clients], 2, 5);
  const [first, second] = processes.map(({ connections }) => connections);
  assert.ok(Math.abs((first ?? 0) - (second ?? 0)) < 130, `${first} and ${second}`);
  const [here, there] = processes.map((one) => one.addresses);
  const split = clients.filter((one) => here?.has(one) === true && there?.has(one) === true);
  assert.ok(split.length < 40, `${split.length} are in both`);
});

test("where all come from one address, as behind a proxy, each process has its part", () => {
  const processes = place(
    Array.from({ length: 1000 }, () => address(1)),
    4,
    5,
  );
  for (const { connections } of processes) assert.ok(connections > 220 && connections < 280);
});

test("among equals it is the one of the address, and a process with too many is passed over", () => {
  const [parent, worker]: [Candidate, Candidate] = [
    { number: 0, connections: 3 },
    { number: 1, connections: 3 },
  ];
  const home = chooseProcess([parent, worker], address(7), 0);
  const other = home === parent ? worker : parent;
  const fuller = { ...home, connections: 4 };
  assert.equal(
    chooseProcess(fuller.number === 0 ? [fuller, other] : [other, fuller], address(7), 0),
    other,
  );
});
