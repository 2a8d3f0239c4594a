import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { whereIs } from "./program.ts";

export interface UnboundOptions {
  /** Made, and its to fill. */
  readonly directory: string;
  readonly port: number;
  /** The zones that it asks for at that port of loopback, and the DS record of each that is signed. */
  readonly zones: Readonly<Record<string, { readonly port: number; readonly ds?: string }>>;
}

/** Debian's Unbound as the resolver of this host: it validates, and knows no root. */
export async function startUnbound(options: UnboundOptions): Promise<AsyncDisposable> {
  const { directory, port } = options;
  await mkdir(directory, { recursive: true });
  const config = join(directory, "unbound.conf");
  await writeFile(config, configurationOf(options));
  const child = spawn(whereIs("unbound") ?? "unbound", ["-d", "-c", config], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: string[] = [];
  const ended = once(child, "exit");
  const serves = new Promise<void>((resolve) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      if (line.includes("start of service")) resolve();
    });
  });
  await Promise.race([
    serves,
    ended.then(() => {
      throw new Error(`unbound did not start on port ${port}:\n${said.join("\n")}`);
    }),
  ]);
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

const configurationOf = ({ directory, port, zones }: UnboundOptions): string => `
server:
  interface: 127.0.0.1@${port}
  username: ""
  chroot: ""
  directory: "${directory}"
  pidfile: "${directory}/unbound.pid"
  do-daemonize: no
  use-syslog: no
  verbosity: 1
  num-threads: 1
  do-not-query-localhost: no
  module-config: "validator iterator"
  qname-minimisation: no
  root-hints: "/dev/null"
${Object.entries(zones)
  .map(([name, { ds }]) =>
    ds === undefined ? `  domain-insecure: "${name}"\n` : `  trust-anchor: "${ds}"\n`,
  )
  .join("")}  local-zone: "example." nodefault
remote-control:
  control-enable: no
${Object.entries(zones)
  .map(([name, zone]) => `stub-zone:\n  name: "${name}"\n  stub-addr: 127.0.0.1@${zone.port}\n`)
  .join("")}`;
