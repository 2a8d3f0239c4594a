import { connect, type Socket } from "node:net";
import { FilterFailed } from "./filter.ts";

/** "/run/clamav/clamd.ctl" is a Unix socket, "127.0.0.1:3310" and "[::1]:3310" are TCP. */
export type Endpoint = { readonly path: string } | { readonly host: string; readonly port: number };

/** Undefined when it is neither. */
export function parseEndpoint(text: string): Endpoint | undefined {
  if (text.startsWith("/")) return { path: text };
  const match = /^(?:\[([0-9A-Fa-f:]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? 0);
  if (match === null || port < 1 || port > 65_535) return undefined;
  return { host: match[1] ?? match[2] ?? "", port };
}

export const nameOf = (endpoint: Endpoint): string =>
  "path" in endpoint ? endpoint.path : `${endpoint.host}:${endpoint.port}`;

/** Connects, and destroys the socket when the time is over. @throws FilterFailed */
export async function connectTo(endpoint: Endpoint, signal: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ ...endpoint, signal } as Parameters<typeof connect>[0] & object);
  socket.setNoDelay(true);
  socket.once("connect", () => resolve(socket));
  socket.on("error", (cause) => {
    reject(new FilterFailed(`Cannot reach ${nameOf(endpoint)}: ${cause.message}`, { cause }));
  });
  const abort = (): void => void socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  socket.once("close", () => {
    signal.removeEventListener("abort", abort);
    reject(new FilterFailed(`${nameOf(endpoint)} closed the connection`));
  });
  return await promise;
}

/** Writes with backpressure; false when the other side does not take more. */
export async function write(socket: Socket, octets: Uint8Array): Promise<boolean> {
  if (!socket.writable) return false;
  if (socket.write(octets)) return true;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("drain", resolve);
  socket.once("close", resolve);
  await promise;
  socket.off("drain", resolve);
  socket.off("close", resolve);
  return socket.writable;
}
