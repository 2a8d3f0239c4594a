import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { listen } from "@posthouse/service";
import type { Finding } from "./finding.ts";

/** Whether this process could listen there now. */
export async function isFree(at: {
  readonly address: string;
  readonly port: number;
}): Promise<boolean | "not allowed"> {
  const server = createServer();
  try {
    await listen("probe", server, at);
    return true;
  } catch (error) {
    const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code;
    return code === "EACCES" || code === "EPERM" ? "not allowed" : false;
  } finally {
    server.close();
  }
}

/** The program that listens on a TCP port, as far as this user may see: `nginx`. */
export function ownerOfPort(port: number): string | undefined {
  const inodes = new Set(
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => inodesListening(readOr(path), port)),
  );
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (descriptorsOf(pid).some((inode) => inodes.has(inode))) {
      return readOr(`/proc/${pid}/comm`).trim();
    }
  }
  return undefined;
}

/** Inodes of sockets in state LISTEN (0A) on a port: proc(5), /proc/net/tcp. */
export const inodesListening = (table: string, port: number): readonly string[] =>
  table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    const isIt = state === "0A" && Number.parseInt(local.split(":")[1] ?? "", 16) === port;
    return isIt && inode !== undefined ? [inode] : [];
  });

function descriptorsOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkOr(`/proc/${pid}/fd/${name}`)) ?? [];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    // Of another user, or gone.
    return [];
  }
}

function readlinkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** For each port of a listener that is somebody else's. */
export async function portFindings(
  ports: readonly { readonly name: string; readonly address: string; readonly port: number }[],
): Promise<readonly (Finding & { readonly port: number })[]> {
  const findings: (Finding & { readonly port: number })[] = [];
  for (const { name, address, port } of ports) {
    if (port === 0) continue;
    const free = await isFree({ address, port });
    if (free === true) continue;
    const id = `port ${port}`;
    if (free === "not allowed") {
      findings.push({
        id,
        port,
        state: "unproven",
        says: `Whether port ${port} (${name}) is free is not known, since this user may not listen there`,
        fix: "Run it as root",
      });
      continue;
    }
    const owner = ownerOfPort(port);
    findings.push({
      id,
      port,
      state: "bad",
      says: `Port ${port} (${name}) is taken by ${owner ?? "another program"}`,
      fix: `Stop ${owner ?? "it"}: ss -ltnp 'sport = :${port}' shows it; or give ${name} another port in the configuration`,
    });
  }
  return findings;
}
