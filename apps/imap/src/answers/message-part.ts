import type { MessagePart } from "@posthouse/message";

/** The message that a message/rfc822 or message/global part holds. */
export function messageInside(part: MessagePart): MessagePart | undefined {
  return part.type === "message" ? part.children[0] : undefined;
}

/**
 * The part with these numbers, RFC 3501 §6.4.5; undefined when there is none.
 *
 * Numbers count the parts of a multipart. A message that is no multipart has one part, its body, which
 * is number 1; a part that holds a message is gone through as if its number were not there.
 */
export function partAt(root: MessagePart, numbers: readonly number[]): MessagePart | undefined {
  let part: MessagePart | undefined = root;
  let isMessage = true;
  for (const number of numbers) {
    const container: MessagePart | undefined = isMessage ? part : insideOf(part);
    if (container === undefined) return undefined;
    const isOnlyPart: boolean = container.type !== "multipart";
    part = isOnlyPart ? onlyPart(container, number) : container.children[number - 1];
    if (part === undefined) return undefined;
    isMessage = false;
  }
  return part;
}

/** What the next number counts in: the part itself, or the message inside it. */
const insideOf = (part: MessagePart): MessagePart | undefined =>
  part.type === "multipart" ? part : messageInside(part);

const onlyPart = (message: MessagePart, number: number): MessagePart | undefined =>
  number === 1 ? message : undefined;
