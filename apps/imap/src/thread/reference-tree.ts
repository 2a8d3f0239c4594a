import { NONE } from "./forest.ts";
import { IdTable } from "./id-table.ts";
import type { ThreadedMessages } from "./threaded-messages.ts";

/** Steps up a tree between two looks at the clock: under a millisecond. */
const STEPS_BETWEEN_PACES = 200_000;

/**
 * Who is whose parent by References: step 1 of REFERENCES (RFC 5256 §3). Nodes up to `messages` are the
 * messages, by row; those behind stand for identifiers that no message has.
 *
 * A link must not make a loop, and to walk up from each new parent would take as many steps as messages
 * squared for hostile mail. So nodes are also gathered in sets: in different sets there is no loop, and in a
 * set whose links were never broken a node without parent is the root of all of it. Only the rest is walked.
 */
export class ReferenceTree {
  readonly #messages: ThreadedMessages;
  readonly #parents: Int32Array;
  /** Union-find: towards the head of the set. */
  readonly #sets: Int32Array;
  readonly #isBroken: Uint8Array;
  readonly #ids: IdTable;
  #nodes: number;
  #steps = 0;

  constructor(messages: ThreadedMessages) {
    this.#messages = messages;
    const nodesMax = messages.length + messages.references.length / 2;
    this.#parents = new Int32Array(nodesMax).fill(NONE);
    this.#sets = new Int32Array(nodesMax);
    this.#isBroken = new Uint8Array(nodesMax);
    this.#ids = new IdTable(nodesMax);
    this.#nodes = messages.length;
  }

  /** The parent of each node, NONE for none. */
  get parents(): Int32Array {
    return this.#parents.subarray(0, this.#nodes);
  }

  async build(pace: () => Promise<void>): Promise<void> {
    const { length } = this.#messages;
    for (let node = 0; node < this.#sets.length; node += 1) this.#sets[node] = node;
    await pace();
    for (let row = 0; row < length; row += 1) {
      const [high, low] = this.#messageId(row);
      // Of two messages with the same identifier the first has it; one with none is referred to by nobody.
      if (high !== 0 || low !== 0) this.#ids.nodeOf(high, low, row);
      if (row % 4096 === 0) await pace();
    }
    for (let row = 0; row < length; row += 1) {
      await this.#linkMessage(row, pace);
      if (row % 256 === 0) await pace();
    }
  }

  #messageId(row: number): readonly [high: number, low: number] {
    const { messageIds } = this.#messages;
    return [messageIds[2 * row] as number, messageIds[2 * row + 1] as number];
  }

  async #linkMessage(row: number, pace: () => Promise<void>): Promise<void> {
    const { references, referencesStart, referencesCount } = this.#messages;
    const start = referencesStart[row] as number;
    const end = start + (referencesCount[row] as number);
    let before = NONE;
    for (let at = start; at < end; at += 1) {
      const node = this.#nodeOf(references[2 * at] as number, references[2 * at + 1] as number);
      // (1)(A): a link that is there stays as it is.
      if (before !== NONE && this.#parents[node] === NONE) this.#link(before, node);
      before = node;
      if (this.#steps > STEPS_BETWEEN_PACES) {
        this.#steps = 0;
        await pace();
      }
    }
    // (1)(B): what the message itself says is right.
    if (this.#parents[row] !== NONE) {
      this.#parents[row] = NONE;
      this.#isBroken[this.#setOf(row)] = 1;
    }
    if (before !== NONE) this.#link(before, row);
  }

  #nodeOf(high: number, low: number): number {
    const node = this.#ids.nodeOf(high, low, this.#nodes);
    if (node === this.#nodes) this.#nodes += 1;
    return node;
  }

  /** `child` has no parent. */
  #link(parent: number, child: number): void {
    if (this.#isAbove(child, parent)) return;
    this.#parents[child] = parent;
    const [one, other] = [this.#setOf(parent), this.#setOf(child)];
    this.#sets[other] = one;
    this.#isBroken[one] = (this.#isBroken[one] as number) | (this.#isBroken[other] as number);
  }

  /** Whether a node without parent is another one, or an ancestor of it. */
  #isAbove(node: number, other: number): boolean {
    const set = this.#setOf(node);
    if (set !== this.#setOf(other)) return false;
    if (this.#isBroken[set] === 0) return true;
    for (let above = other; above !== NONE; above = this.#parents[above] as number) {
      if (above === node) return true;
      this.#steps += 1;
    }
    return false;
  }

  #setOf(node: number): number {
    let set = node;
    for (;;) {
      const above = this.#sets[set] as number;
      if (above === set) return set;
      // Halves the way for who comes next.
      this.#sets[set] = this.#sets[above] as number;
      set = above;
      this.#steps += 1;
    }
  }
}
