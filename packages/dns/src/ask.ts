import type { DecodedPacket } from "dns-packet";
import { DnsError } from "./dns-error.ts";
import { type Answered, exchange } from "./exchange.ts";
import { limits } from "./limits.ts";
import { isFormatError, type Question, queryFor, rcodeOf } from "./message.ts";
import type { NameServer } from "./name-server.ts";

export interface AskOptions {
  readonly servers: readonly NameServer[];
  /** For one try at one server. */
  readonly timeoutMs: number;
  readonly isCaseRandomized: boolean;
  /** Ends all tries when the resolver is closed. */
  readonly signal: AbortSignal;
}

/** An answer that says something of the name: records, none, or that there is no such name. */
export interface ServerAnswer {
  readonly message: DecodedPacket;
  readonly sizeBytes: number;
  readonly server: NameServer;
}

/** Goes through the servers, twice over, until one gives an answer. Throws DnsError for the last failure. */
export async function ask(question: Question, options: AskOptions): Promise<ServerAnswer> {
  let failure = new DnsError("timeout", "No name server is configured");
  for (let round = 0; round < limits.roundsMax; round += 1) {
    for (const server of options.servers) {
      const outcome = await tryServer(question, server, options);
      if (!(outcome instanceof DnsError)) return { ...outcome, server };
      failure = outcome;
      if (options.signal.aborted) throw closed();
    }
    // Who answers and refuses will do so again at once; only silence is worth a second round.
    if (failure.code === "server-failure") break;
  }
  throw failure;
}

async function tryServer(
  question: Question,
  server: NameServer,
  options: AskOptions,
): Promise<Answered | DnsError> {
  try {
    const answered = await askWithEdnsOrWithout(question, server, options);
    const rcode = rcodeOf(answered.message);
    if (rcode === "NOERROR" || rcode === "NXDOMAIN") return answered;
    return new DnsError(
      "server-failure",
      `The name server ${server.address} answered ${rcode} for ${question.type} ${question.name}`,
      { ttlSeconds: limits.failureTtlSeconds },
    );
  } catch (error) {
    if (error instanceof DnsError) return error;
    throw error;
  }
}

async function askWithEdnsOrWithout(
  question: Question,
  server: NameServer,
  { timeoutMs, isCaseRandomized, signal }: AskOptions,
): Promise<Answered> {
  const answered = await withTimeout(timeoutMs, signal, (limit) =>
    exchange(queryFor(question, { hasEdns: true, isCaseRandomized }), server, limit),
  );
  if (!isFormatError(answered.message)) return answered;
  return await withTimeout(timeoutMs, signal, (limit) =>
    exchange(queryFor(question, { hasEdns: false, isCaseRandomized }), server, limit),
  );
}

/** AbortSignal.timeout() would let the process end while a question is under way. */
async function withTimeout<T>(
  timeoutMs: number,
  signal: AbortSignal,
  run: (limit: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = new AbortController();
  const end = (): void => timeout.abort();
  const timer = setTimeout(end, timeoutMs);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    return await run(timeout.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

const closed = (): DnsError => new DnsError("timeout", "The resolver was closed");
