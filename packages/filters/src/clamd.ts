import { connectTo, type Endpoint, nameOf, write } from "./endpoint.ts";
import { type Filter, type FilteredMail, FilterFailed, type FilterVerdict } from "./filter.ts";
import { limits } from "./limits.ts";
import { plain } from "./texts.ts";

export interface ClamdOptions {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** What is done with a message in which something was found. */
  readonly whenFound: "reject" | "quarantine" | "junk";
}

/** clamd over its own socket: INSTREAM of clamd(8). */
export function clamdFilter({ name, endpoint, whenFound }: ClamdOptions): Filter {
  return {
    name,
    async check(mail, signal) {
      const answer = await askClamd(endpoint, mail, signal);
      if (answer === "stream: OK") {
        return { action: "accept", reason: "found nothing", fields: [] };
      }
      const found = /^stream: (.+) FOUND$/.exec(answer)?.[1];
      if (found !== undefined) return foundVerdict(plain(found), whenFound);
      throw new FilterFailed(`clamd at ${nameOf(endpoint)} says "${plain(answer)}"`);
    },
  };
}

function foundVerdict(found: string, action: ClamdOptions["whenFound"]): FilterVerdict {
  const reason = `found ${found}`;
  if (action !== "reject") return { action, reason, fields: [] };
  const text = `The message has malicious content (${found}), send it without`;
  return { action, reason, reply: { code: 554, enhanced: "5.7.1", text } };
}

async function askClamd(
  endpoint: Endpoint,
  mail: FilteredMail,
  signal: AbortSignal,
): Promise<string> {
  const socket = await connectTo(endpoint, signal);
  try {
    const answered = answerOn(socket);
    // Before anybody waits for it, the connection may be lost.
    answered.catch(() => undefined);
    socket.write("zINSTREAM\0");
    for await (const octets of mail.octets()) {
      // It closes when the message is larger than it takes, and has said so before.
      if (!(await write(socket, lengthOf(octets))) || !(await write(socket, octets))) break;
    }
    if (socket.writable) socket.write(Buffer.alloc(4));
    return await answered;
  } finally {
    socket.destroy();
  }
}

/** Up to a NUL, as to every command that begins with "z". */
async function answerOn(socket: AsyncIterable<Buffer>): Promise<string> {
  let answer = Buffer.alloc(0);
  try {
    for await (const octets of socket) {
      answer = Buffer.concat([answer, octets]);
      const end = answer.indexOf(0);
      if (end !== -1) return answer.toString("latin1", 0, end);
      if (answer.length > limits.reasonCharsMax) break;
    }
  } catch (cause) {
    throw new FilterFailed("The connection to clamd was lost", { cause });
  }
  throw new FilterFailed(`clamd ended without an answer: "${plain(answer.toString("latin1"))}"`);
}

function lengthOf(octets: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(octets.length);
  return length;
}
