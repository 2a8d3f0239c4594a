import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { limits } from "./limits.ts";
import { QueueUnavailable } from "./queue-unavailable.ts";

/**
 * Asks smtp-out to send now what waits for a domain, and gives how many deliveries those are. The domain is
 * one word in ASCII. Rejects with QueueUnavailable when smtp-out does not answer.
 */
export async function flushDomain(smtpOutSocketPath: string, domain: string): Promise<number> {
  const socket = connect(smtpOutSocketPath);
  socket.setTimeout(limits.pokeWaitMs, () => socket.destroy());
  try {
    return await ask(socket, domain);
  } finally {
    socket.destroy();
  }
}

async function ask(socket: Socket, domain: string): Promise<number> {
  const { promise: answer, resolve } = Promise.withResolvers<string>();
  // With an error it closes, too.
  socket.on("error", () => {}).on("close", () => resolve("nothing"));
  createInterface({ input: socket })
    .on("line", resolve)
    .on("error", () => {});
  socket.write(`flush ${domain}\n`);
  const [, count] = /^flushed (\d+)$/.exec(await answer) ?? [];
  if (count === undefined) throw new QueueUnavailable("smtp-out does not say what it sends now");
  return Number(count);
}
