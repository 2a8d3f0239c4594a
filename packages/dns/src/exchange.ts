import { createSocket } from "node:dgram";
import { connect } from "node:net";
import type { DecodedPacket } from "dns-packet";
import { DnsError } from "./dns-error.ts";
import { limits } from "./limits.ts";
import { answerTo, type QueryMessage } from "./message.ts";
import type { NameServer } from "./name-server.ts";

/** An answer and how large it was. */
export interface Answered {
  readonly message: DecodedPacket;
  readonly sizeBytes: number;
}

/** Asks one server once: over UDP, and over TCP when the answer did not fit (RFC 7766 §5). */
export async function exchange(
  query: QueryMessage,
  server: NameServer,
  signal: AbortSignal,
): Promise<Answered> {
  const answered = await exchangeUdp(query, server, signal);
  return answered.message.flag_tc ? await exchangeTcp(query, server, signal) : answered;
}

/**
 * Each question has a socket of its own, and so a port that nobody else knows; being connected, it hears
 * only its server (RFC 5452 §9.2). What is not the answer is passed over and waited on: to fail at
 * the first forged packet would let anyone make every question fail.
 */
function exchangeUdp(
  query: QueryMessage,
  server: NameServer,
  signal: AbortSignal,
): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const socket = createSocket(server.address.includes(":") ? "udp6" : "udp4");
  let strayPackets = 0;
  socket.on("message", (octets) => {
    const message = answerTo(query, octets);
    if (message !== undefined) return resolve({ message, sizeBytes: octets.length });
    strayPackets += 1;
    if (strayPackets >= limits.strayPacketsMax) reject(badResponse(server));
  });
  socket.on("error", (cause) => reject(unreachable(server, cause)));
  // As an event and not as a callback: that would be called for failures too.
  socket.once("connect", () => {
    if (!signal.aborted) socket.send(query.octets);
  });
  socket.connect(server.port, server.address);
  const onAbort = (): void => reject(strayPackets > 0 ? badResponse(server) : noAnswer(server));
  return settled(promise, signal, onAbort, () => socket.close());
}

/** RFC 7766 §8: two octets of length, then the message. */
function exchangeTcp(
  query: QueryMessage,
  server: NameServer,
  signal: AbortSignal,
): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const socket = connect(server.port, server.address);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.octets.length);
  socket.write(Buffer.concat([length, query.octets]));
  // The length field bounds what is gathered: 65,537 octets at most, and a chunk of the socket.
  let received = Buffer.alloc(0);
  socket.on("data", (octets) => {
    received = Buffer.concat([received, octets]);
    if (received.length < 2) return;
    const sizeBytes = received.readUInt16BE(0);
    if (received.length < 2 + sizeBytes) return;
    const message = answerTo(query, received.subarray(2, 2 + sizeBytes));
    if (message === undefined || message.flag_tc) reject(badResponse(server));
    else resolve({ message, sizeBytes });
  });
  socket.on("error", (cause) => reject(unreachable(server, cause)));
  socket.on("close", () => reject(badResponse(server)));
  return settled(
    promise,
    signal,
    () => reject(noAnswer(server)),
    () => socket.destroy(),
  );
}

/** Ends the socket however the question ends. */
async function settled(
  promise: Promise<Answered>,
  signal: AbortSignal,
  onAbort: () => void,
  release: () => void,
): Promise<Answered> {
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    release();
  }
}

const nameOf = ({ address, port }: NameServer): string => `${address} port ${port}`;

const noAnswer = (server: NameServer): DnsError =>
  new DnsError("timeout", `The name server ${nameOf(server)} did not answer in time`);

const unreachable = (server: NameServer, cause: Error): DnsError =>
  new DnsError("timeout", `The name server ${nameOf(server)} cannot be reached`, { cause });

const badResponse = (server: NameServer): DnsError =>
  new DnsError("bad-response", `What the name server ${nameOf(server)} sent is no answer`);
