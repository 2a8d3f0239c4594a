import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { run, whereIs } from "./program.ts";

export interface KnotOptions {
  /** Made, and its to fill. */
  readonly directory: string;
  readonly port: number;
  /** Zone files by the name of the zone, without SOA and NS. */
  readonly zones: Readonly<Record<string, string>>;
  /** Who has it may change the zones (RFC 2136); HMAC-SHA-256, and the secret in base64. */
  readonly updateKey?: { readonly name: string; readonly secret: string };
  /** Those of the zones that it signs. */
  readonly signed?: readonly string[];
}

export interface Knot extends AsyncDisposable {
  /** The DS record of a zone that it signs. */
  dsOf(zone: string): Promise<string>;
}

/** Debian's Knot DNS as the one name server, which knows these zones and nothing else. */
export async function startKnot(options: KnotOptions): Promise<Knot> {
  const { directory, port, zones } = options;
  await mkdir(directory, { recursive: true });
  const config = join(directory, "knot.conf");
  await writeFile(config, configurationOf(options));
  for (const [name, records] of Object.entries(zones)) {
    await writeFile(join(directory, `${name}.zone`), `${zoneHead(name)}${records}\n`);
  }
  const child = spawn(whereIs("knotd") ?? "knotd", ["-c", config], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said: string[] = [];
  const ended = once(child, "exit");
  const serves = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      said.push(line);
      if (line.includes("server started")) resolve();
    });
  });
  await Promise.race([
    serves,
    ended.then(() => {
      throw new Error(`knotd did not start on port ${port}:\n${said.join("\n")}`);
    }),
  ]);
  return {
    async dsOf(zone) {
      const { code, stdout, stderr } = await run("keymgr", ["-c", config, zone, "ds"]);
      if (code !== 0) throw new Error(`keymgr gives no DS of ${zone}: ${stderr}`);
      // Of the same key by several digests: one is enough.
      return stdout.split("\n").find((line) => / 13 2 /.test(line)) ?? "";
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

const configurationOf = ({
  directory,
  port,
  zones,
  updateKey,
  signed = [],
}: KnotOptions): string => `
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
${
  updateKey === undefined
    ? ""
    : `key:
  - id: ${updateKey.name}
    algorithm: hmac-sha256
    secret: ${updateKey.secret}
acl:
  - id: updates
    key: ${updateKey.name}
    action: update
`
}policy:
  - id: one-key
    algorithm: ecdsap256sha256
    single-type-signing: on
zone:
${Object.keys(zones)
  .map(
    (name) =>
      `  - domain: ${name}\n    storage: "${directory}"\n    file: "${name}.zone"\n${updateKey === undefined ? "" : "    acl: updates\n"}${signed.includes(name) ? "    zonefile-sync: -1\n    dnssec-signing: on\n    dnssec-policy: one-key\n" : ""}`,
  )
  .join("")}`;

const zoneHead = (name: string): string => `
$ORIGIN ${name}.
$TTL 300
@   SOA  ns hostmaster 1 3600 600 86400 5
@   NS   ns
ns  A    127.0.0.1
`;
