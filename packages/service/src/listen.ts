import { chmod, rm } from "node:fs/promises";
import { connect, type Server } from "node:net";

/** Where an app can be reached, as the ready file and the health page say it. */
export interface BoundAddress {
  /** `imap`, `imaps`, `smtp`, `submission` … */
  readonly name: string;
  readonly address?: string;
  readonly port?: number;
  readonly socketPath?: string;
}

/** The address cannot be had; the message is one sentence for the administrator. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly isForOperator = true;
}

/** sockaddr_un holds 108 octets with its final NUL. */
const SOCKET_PATH_BYTES_MAX = 107;

export type ListenAt =
  | { readonly address: string; readonly port: number }
  | { readonly socketPath: string; readonly mode?: number };

/**
 * Binds `server` and waits until it listens. A socket file left by a process that died is replaced;
 * one that somebody answers on is not.
 *
 * @throws ListenError
 */
export async function listen(name: string, server: Server, at: ListenAt): Promise<BoundAddress> {
  if ("socketPath" in at) return await listenOnSocket(name, server, at);
  const host = at.address === "*" ? undefined : at.address;
  await bind(name, server, { port: at.port, ...(host !== undefined && { host }) });
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new ListenError(`${name} has no address`);
  return { name, address: at.address === "*" ? bound.address : at.address, port: bound.port };
}

async function listenOnSocket(
  name: string,
  server: Server,
  { socketPath, mode = 0o660 }: { readonly socketPath: string; readonly mode?: number },
): Promise<BoundAddress> {
  if (Buffer.byteLength(socketPath) > SOCKET_PATH_BYTES_MAX) {
    throw new ListenError(
      `Cannot make socket "${socketPath}": its path is longer than ${SOCKET_PATH_BYTES_MAX} octets; choose a shorter run_dir or --data`,
    );
  }
  if (await isAnswered(socketPath)) {
    throw new ListenError(`Cannot make socket "${socketPath}": another ${name} is running on it`);
  }
  await removeLeftover(name, socketPath);
  await bind(name, server, { path: socketPath });
  await chmod(socketPath, mode);
  return { name, socketPath };
}

async function removeLeftover(name: string, socketPath: string): Promise<void> {
  try {
    await rm(socketPath, { force: true });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isOfAnother = code === "EPERM" || code === "EACCES";
    const reason = isOfAnother ? "another user left a socket there; remove it" : message;
    throw new ListenError(`Cannot listen for ${name} on ${socketPath}: ${reason}`, { cause });
  }
}

function bind(
  name: string,
  server: Server,
  where: { readonly port?: number; readonly host?: string; readonly path?: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => reject(sentence(name, where, cause));
    server.once("error", failed);
    server.listen({ ...where, backlog: 511 }, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

function sentence(
  name: string,
  where: { readonly port?: number; readonly host?: string; readonly path?: string },
  cause: NodeJS.ErrnoException,
): ListenError {
  const place = where.path ?? `${where.host ?? "*"} port ${where.port}`;
  const reasons: Record<string, string> = {
    EADDRINUSE: "another program has it; stop that program or choose another port",
    EACCES: "this user may not; ports below 1024 need root or CAP_NET_BIND_SERVICE",
    EADDRNOTAVAIL: "this machine does not have that address",
    ENOENT: "its directory does not exist",
  };
  const reason = reasons[cause.code ?? ""] ?? cause.message;
  return new ListenError(`Cannot listen for ${name} on ${place}: ${reason}`, { cause });
}

/** Does a living process accept connections on this Unix socket? */
export function isAnswered(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
