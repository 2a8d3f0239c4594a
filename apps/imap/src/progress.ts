import { limits } from "./limits.ts";
import type { ResponseWriter } from "./response-writer.ts";

/**
 * Says now and then that a long command is still running, so that neither the client nor what is between us
 * takes it for dead: `* OK [INPROGRESS ("A001" NIL NIL)]`, RFC 9585 §4. Nothing in the middle of an answer.
 */
export function tellProgress(tag: string, output: ResponseWriter): Disposable {
  // "]" may stand in a tag, and clients look for the first one to end the code.
  const name = tag.includes("]") ? "NIL" : `"${tag}"`;
  const timer = setInterval(() => {
    if (!output.isBetweenResponses) return;
    output.untagged(`OK [INPROGRESS (${name} NIL NIL)] Still working`);
    output.drain();
  }, limits.inProgressMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
