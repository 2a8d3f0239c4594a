import { once } from "node:events";
import { connect, createServer } from "node:net";
import { DnsError, type Resolver } from "@posthouse/dns";
import { isPublicAddress } from "@posthouse/service";
import type { Finding } from "./finding.ts";

const ANSWER_MS_MAX = 8000;
/** Whose MX are asked whether they can be reached: large, and up. */
const WELL_KNOWN = ["gmail.com", "outlook.com"] as const;

export interface Probe {
  readonly host: string;
  readonly port: number;
}

/** Whether the provider lets mail out: asks well-known hosts for their greeting, or the one that is named. */
export async function port25OutFinding(options: {
  readonly resolver: Resolver;
  readonly probe?: Probe;
}): Promise<Finding> {
  const id = "port-25-out";
  const probes = options.probe === undefined ? await wellKnown(options.resolver) : [options.probe];
  const failures: string[] = [];
  for (const probe of probes) {
    const failure = await failureOf(probe);
    if (failure === undefined) {
      return { id, state: "good", says: `Port 25 out is open: ${probe.host} answered` };
    }
    failures.push(`${probe.host} ${failure}`);
  }
  if (failures.length === 0) {
    return {
      id,
      state: "unproven",
      says: "Whether port 25 out is open is not known, since no name of a host could be looked up",
    };
  }
  return {
    id,
    state: "bad",
    says: `Port 25 out is closed: ${failures.join("; ")}`,
    fix: "Ask the provider to open it, or send through a relay of theirs or another's: posthouse setup … --smarthost smtps://relay.example.net:465 --smarthost-user NAME --smarthost-password-file FILE",
  };
}

async function wellKnown(resolver: Resolver): Promise<readonly Probe[]> {
  const probes = await Promise.all(
    WELL_KNOWN.map(async (domain): Promise<readonly Probe[]> => {
      try {
        const { records } = await resolver.mx(domain);
        const best = records.toSorted((a, b) => a.preference - b.preference)[0];
        return best === undefined ? [] : [{ host: best.exchange, port: 25 }];
      } catch (error) {
        if (error instanceof DnsError) return [];
        throw error;
      }
    }),
  );
  return probes.flat();
}

async function failureOf({ host, port }: Probe): Promise<string | undefined> {
  const socket = connect({ host, port });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const timer = setTimeout(() => resolve("does not answer"), ANSWER_MS_MAX);
  socket.on("error", (error: NodeJS.ErrnoException) =>
    resolve(`says ${error.code ?? error.message}`),
  );
  socket.once("data", (octets) => {
    const text = octets.toString("latin1");
    socket.end("QUIT\r\n");
    resolve(text.startsWith("220") ? undefined : `says ${text.trim().slice(0, 80)}`);
  });
  socket.on("close", () => resolve("closed without a greeting"));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/**
 * Listens in smtp-in's place until somebody from outside connects, or the time is over. Nobody on this
 * machine can prove that the world comes in.
 */
export async function waitForOutsider(options: {
  readonly hostname: string;
  readonly port: number;
  readonly waitMs: number;
  readonly isOutside?: (address: string) => boolean;
  readonly onListening?: (port: number) => void;
}): Promise<string | undefined> {
  const { hostname, port, waitMs, isOutside = isPublicAddress, onListening } = options;
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy());
    socket.write(`220 ${hostname} ESMTP not yet: posthouse setup is running\r\n`);
    socket.on("data", () => socket.end("421 4.3.2 Come back in a minute\r\n"));
    const address = socket.remoteAddress ?? "";
    if (isOutside(address)) resolve(address);
  });
  server.maxConnections = 20;
  server.listen(port);
  await once(server, "listening");
  const bound = server.address();
  if (bound !== null && typeof bound !== "string") onListening?.(bound.port);
  const timer = setTimeout(() => resolve(undefined), waitMs);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    server.close();
  }
}

/** The one command to run elsewhere; bash alone can do it. */
export const outsideCommand = (address: string): string =>
  `timeout 10 bash -c 'head -1 < /dev/tcp/${address}/25'`;

export function port25InFinding(proof: string | undefined, address: string): Finding {
  const id = "port-25-in";
  return proof === undefined
    ? {
        id,
        state: "unproven",
        says: "Whether port 25 in is open is not proven: nobody from outside has connected yet",
        fix: `Run this on any other machine, then posthouse doctor here: ${outsideCommand(address)}`,
      }
    : { id, state: "good", says: `Port 25 in is open: ${proof} has connected` };
}
