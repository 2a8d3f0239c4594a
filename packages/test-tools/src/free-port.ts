import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Linux gives ports from 32,768 on to whoever connects or listens on 0 (ip_local_port_range), at any moment. A
 * program takes some tenths of a second to listen on the port it was told: among those it would be gone now and then.
 */
const LOWEST = 12_000;
const ABOVE = 32_000;

/** A port of 127.0.0.1, from 12,000 to 31,999, that nobody has at this moment for TCP or UDP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, ABOVE);
    if ((await isFreeForTcp(port)) && (await isFreeForUdp(port))) return port;
  }
}

async function isFreeForTcp(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}

async function isFreeForUdp(port: number): Promise<boolean> {
  const socket = createSocket("udp4").bind(port, "127.0.0.1");
  try {
    await once(socket, "listening");
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}
