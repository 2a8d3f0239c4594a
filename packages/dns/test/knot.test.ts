import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { createResolver, DnsError } from "@posthouse/dns";
import { freePort } from "@posthouse/test-tools";

const knotd = ["/usr/sbin/knotd", "/usr/local/sbin/knotd"].find((path) => existsSync(path));
const skip = knotd === undefined ? "knotd is not installed (Debian package knot)" : false;

const zone = `
$ORIGIN posthouse.test.
@        300 SOA  ns hostmaster 1 3600 600 86400 120
@        300 NS   ns
ns       300 A    127.0.0.1
@        300 MX   10 mx1
@        300 MX   20 mx2
mx1      300 A    192.0.2.1
mx1      300 AAAA 2001:db8::1
www      300 CNAME mx1
_25._tcp.mx1 300 TLSA 3 1 1 ${"ab".repeat(32)}
`;
const big = Array.from({ length: 40 }, (_, index) => `big 300 TXT "${index} ${"x".repeat(200)}"\n`);

/** A real name server, so that what we send and read is not only what our own tests think it is. */
test("the resolver and Knot DNS understand each other", { skip }, async () => {
  await using server = await startKnot(knotd ?? "");
  const resolver = createResolver({ servers: [`127.0.0.1:${server.port}`] });
  const { records, ttlSeconds } = await resolver.mx("posthouse.test");
  assert.deepEqual(records.map(({ exchange }) => exchange).sort(), [
    "mx1.posthouse.test",
    "mx2.posthouse.test",
  ]);
  assert.equal(ttlSeconds, 300);
  const addresses = await resolver.addresses("www.posthouse.test");
  assert.equal(addresses.canonicalName, "mx1.posthouse.test");
  assert.deepEqual(
    addresses.records.map(({ address }) => address),
    ["192.0.2.1", "2001:db8::1"],
  );
  const tlsa = await resolver.tlsa("_25._tcp.mx1.posthouse.test");
  assert.equal(tlsa.records[0]?.certificate.toString("hex"), "ab".repeat(32));
  assert.equal((await resolver.txt("big.posthouse.test")).records.length, 40);
  const nothing = async (name: string): Promise<DnsError> => {
    const error = await resolver.mx(name).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof DnsError);
    return error;
  };
  const notFound = await nothing("none.posthouse.test");
  assert.deepEqual([notFound.code, notFound.ttlSeconds], ["not-found", 120]);
  assert.equal((await nothing("mx1.posthouse.test")).code, "no-data");
  resolver.close();
});

async function startKnot(path: string): Promise<AsyncDisposable & { readonly port: number }> {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-knot-"));
  const port = await freePort();
  await writeFile(join(directory, "posthouse.test.zone"), zone + big.join(""));
  await writeFile(join(directory, "knot.conf"), configuration(directory, port));
  const child = spawn(path, ["-c", join(directory, "knot.conf")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  await isServing(child);
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      if (child.exitCode === null) await once(child, "exit");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const configuration = (directory: string, port: number): string => `
server:
    rundir: "${directory}"
    listen: 127.0.0.1@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stdout
    any: info
database:
    storage: "${directory}"
zone:
  - domain: posthouse.test
    storage: "${directory}"
    file: "posthouse.test.zone"
`;

/** Knot says on its standard output when it answers; when it ends before, its last words are the failure. */
async function isServing(child: ChildProcess): Promise<void> {
  assert.ok(child.stdout !== null && child.stderr !== null);
  let said = "";
  child.stderr.on("data", (octets: Buffer) => {
    said += octets.toString();
  });
  for await (const line of createInterface({ input: child.stdout })) {
    said += `${line}\n`;
    if (line.includes("server started")) {
      child.stdout.resume();
      return;
    }
  }
  throw new Error(`knotd did not start:\n${said}`);
}
