import { connect } from "node:net";
import { WireConnection } from "@posthouse/wire";
import { limits } from "./limits.ts";
import { inOneLine, readAnswer, type UrlRefusal, type UrlRequest } from "./message.ts";

/** What a URL names, on its way. */
export interface FetchedUrl extends AsyncDisposable {
  readonly kind: "found";
  readonly lengthBytes: number;
  /** Once. @throws UrlServerUnavailable when they end before their time */
  readonly octets: AsyncIterable<Buffer>;
}

export type UrlAnswer = FetchedUrl | { readonly kind: "refused"; readonly why: UrlRefusal };

/** apps/imap does not answer, or broke off: it may be tried again. */
export class UrlServerUnavailable extends Error {
  override readonly name = "UrlServerUnavailable";
}

/**
 * Asks apps/imap for what a URL names. The answer is disposed of by the caller, read to its end or not.
 *
 * @throws UrlServerUnavailable
 */
export async function fetchMessageUrl(
  request: UrlRequest,
  { socketPath, idleMs = limits.idleMs }: { readonly socketPath: string; readonly idleMs?: number },
): Promise<UrlAnswer> {
  const socket = connect(socketPath);
  await using opened = new AsyncDisposableStack();
  opened.defer(() => void socket.destroy());
  const connection = new WireConnection(socket, { idleMs });
  const answer = await unlessLost(async () => {
    connection.write(inOneLine(request));
    const line = await connection.readLine(limits.lineBytesMax);
    return line && readAnswer(line);
  });
  if (answer === undefined) throw new UrlServerUnavailable("The answer cannot be read");
  if ("refused" in answer) return { kind: "refused", why: answer.refused };
  const held = opened.move();
  return {
    kind: "found",
    lengthBytes: answer.bytes,
    octets: octetsOf(connection, answer.bytes),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function* octetsOf(connection: WireConnection, length: number): AsyncGenerator<Buffer> {
  const pieces = connection.readOctets(length);
  for (;;) {
    const { done, value } = await unlessLost(() => pieces.next());
    if (done || value === undefined) return;
    yield value;
  }
}

/** Whatever goes wrong on this socket has the same end. */
async function unlessLost<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    throw new UrlServerUnavailable("apps/imap does not answer", { cause });
  }
}
