import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createResolver } from "@posthouse/dns";
import { freePort } from "@posthouse/test-tools";

const programs = [
  "/usr/sbin/nsd",
  "/usr/sbin/unbound",
  "/usr/bin/ldns-signzone",
  "/usr/bin/ldns-keygen",
];

/** Why tests with a signed zone cannot run here. */
export function whySignedDnsIsMissing(): string | undefined {
  if (!process.env.POSTHOUSE_FOREIGN) return "it meets nsd, unbound and ldns: see e2e/program.ts";
  const missing = programs.filter((path) => !existsSync(path));
  if (missing.length === 0 || process.env.POSTHOUSE_FOREIGN === "required") return undefined;
  return `${missing.join(", ")} is not installed`;
}

/**
 * The zone "signed.example", signed by ldns, served by Debian's nsd and validated by its unbound; beside
 * it the zone "plain.example" without signatures. `spoil` changes the signed zone behind its signatures.
 */
export async function signedDns(
  records: string,
  plain = "",
  spoil: (zone: string) => string = (zone) => zone,
): Promise<AsyncDisposable & { readonly name: string }> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "posthouse-dnssec-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const path = (name: string) => join(directory, name);
  const [authorityPort, resolverPort] = [await freePort(), await freePort()];
  await writeFile(path("signed.example"), `${head("signed.example")}${records}\n`);
  await writeFile(path("plain.example"), `${head("plain.example")}${plain}\n`);
  run(directory, "ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "signed.example");
  const key = (await readdir(directory)).find((name) => name.endsWith(".key")) ?? "";
  run(directory, "ldns-signzone", "-n", "signed.example", key.replace(/\.key$/, ""));
  const zone = path("signed.example.signed");
  await writeFile(zone, spoil(await readFile(zone, "utf8")));
  await writeFile(
    path("nsd.conf"),
    `server:
  ip-address: 127.0.0.1@${authorityPort}
  username: ""
  zonesdir: "${directory}"
  pidfile: "${path("nsd.pid")}"
  xfrdfile: "${path("xfrd")}"
  zonelistfile: "${path("zones")}"
  database: ""
  hide-version: yes
remote-control:
  control-enable: no
zone:
  name: signed.example
  zonefile: "signed.example.signed"
zone:
  name: plain.example
  zonefile: "plain.example"
`,
  );
  await writeFile(
    path("unbound.conf"),
    `server:
  interface: 127.0.0.1@${resolverPort}
  username: ""
  chroot: ""
  directory: "${directory}"
  pidfile: "${path("unbound.pid")}"
  do-daemonize: no
  use-syslog: no
  num-threads: 1
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor-file: "${path(key)}"
  domain-insecure: "plain.example"
  local-zone: "example." nodefault
  qname-minimisation: no
remote-control:
  control-enable: no
stub-zone:
  name: signed.example
  stub-addr: 127.0.0.1@${authorityPort}
stub-zone:
  name: plain.example
  stub-addr: 127.0.0.1@${authorityPort}
`,
  );
  opened.use(started("/usr/sbin/nsd", ["-d", "-c", path("nsd.conf")]));
  opened.use(started("/usr/sbin/unbound", ["-d", "-c", path("unbound.conf")]));
  const name = `127.0.0.1:${resolverPort}`;
  await answering(name, "plain.example");
  const running = opened.move();
  return { name, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

const head = (name: string) => `$ORIGIN ${name}.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 5
@ NS ns
ns A 127.0.0.1
`;

function run(directory: string, program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { cwd: directory, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
}

function started(program: string, args: readonly string[]): AsyncDisposable {
  const child: ChildProcess = spawn(program, args, { stdio: "ignore" });
  const ended = once(child, "exit");
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

/** Both have to be up: asked again until the answer comes through. */
async function answering(server: string, domain: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const resolver = createResolver({ servers: [server], timeoutMs: 500 });
    try {
      await resolver.addresses(`ns.${domain}`);
      return;
    } catch (error) {
      if (tries === 60) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      resolver.close();
    }
  }
}
