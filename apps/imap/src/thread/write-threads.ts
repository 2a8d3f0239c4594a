import type { ResponseWriter } from "../response-writer.ts";
import { type Forest, NONE } from "./forest.ts";

/**
 * `* THREAD (2)(3 6 (4 23)(44 7 96))`, RFC 5256 §4. Without recursion, since a thread may be as deep as the
 * mailbox has messages. `numbers` are those of the rows.
 */
export async function writeThreads(
  forest: Forest,
  numbers: Uint32Array,
  output: Pick<ResponseWriter, "write" | "pace">,
): Promise<void> {
  output.write("* THREAD");
  if (forest.roots.length > 0) output.write(" ");
  for (const [at, root] of forest.roots.entries()) {
    await writeThread(root, forest, numbers, output);
    if (at % 256 === 0) await output.pace();
  }
  output.write("\r\n");
}

async function writeThread(
  root: number,
  { messages, firstChild, nextSibling }: Forest,
  numbers: Uint32Array,
  output: Pick<ResponseWriter, "write" | "pace">,
): Promise<void> {
  /** For each list of sub-threads that is open, the sibling that comes next. */
  const siblings: number[] = [];
  output.write("(");
  for (let node = root, written = 1; ; written += 1) {
    if (written % 256 === 0) await output.pace();
    const isMessage = node < messages;
    if (isMessage) output.write(`${numbers[node]}`);
    const child = firstChild[node] as number;
    if (child !== NONE && nextSibling[child] === NONE) {
      output.write(" ");
      node = child;
    } else if (child !== NONE) {
      output.write(isMessage ? " (" : "(");
      siblings.push(nextSibling[child] as number);
      node = child;
    } else {
      output.write(")");
      while (siblings.at(-1) === NONE) {
        siblings.pop();
        output.write(")");
      }
      const next = siblings.pop();
      if (next === undefined) return;
      siblings.push(nextSibling[next] as number);
      output.write("(");
      node = next;
    }
  }
}
