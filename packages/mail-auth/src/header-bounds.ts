import { limits } from "./limits.ts";

/** There is no empty line within the bound. */
export class HeaderTooLarge extends Error {
  override readonly name = "HeaderTooLarge";
}

/**
 * The message, its header in the first chunk. Signatures beyond the bound are given another name: each
 * could have a body length of its own, and the body be hashed once for each of a thousand. mailauth has
 * no bound for them.
 */
export async function* withBoundedHeader(
  octets: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let head = Buffer.alloc(0);
  let isInBody = false;
  for await (const chunk of octets) {
    if (isInBody) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    const end = endOfHeader(head);
    if ((end ?? head.length) > limits.headerBytesMax) throw new HeaderTooLarge();
    if (end === undefined) continue;
    isInBody = true;
    yield maskSignatures(head, end);
  }
  if (!isInBody) yield maskSignatures(head, head.length);
}

function endOfHeader(head: Buffer): number | undefined {
  if (head.subarray(0, 2).equals(CRLF)) return 2;
  const at = head.indexOf("\r\n\r\n");
  return at === -1 ? undefined : at + 4;
}

const CRLF = Buffer.from("\r\n");

function maskSignatures(head: Buffer, end: number): Buffer {
  const names = [
    ...head
      .subarray(0, end)
      .toString("latin1")
      .matchAll(/^dkim-signature(?=[ \t]*:)/gim),
  ];
  for (const { index } of names.slice(limits.signaturesMax)) head.write("X", index);
  return head;
}
