import { sortRows } from "../sort/radix-sort.ts";
import { Forest, NONE } from "./forest.ts";
import { ReferenceTree } from "./reference-tree.ts";
import type { ThreadedMessages } from "./threaded-messages.ts";

const ROWS_BETWEEN_PACES = 4_096;

/**
 * REFERENCES of RFC 5256 §3, with its steps numbered as there. `byDate` are the rows by sent date: siblings
 * that are gathered in that order need no sorting (steps 4 and 6).
 */
export async function references(
  messages: ThreadedMessages,
  byDate: Uint32Array,
  pace: () => Promise<void>,
): Promise<Forest> {
  const pruned = await prunedTree(messages, pace);
  await new SubjectMerger(messages, pruned).merge(byDate, pace);
  return await gather(messages, pruned, byDate, pace);
}

/**
 * REFS of draft-ietf-morg-inthread, as Dovecot does it: References alone, without regard to subjects, and the
 * threads in the order of the latest sent date in each.
 */
export async function refs(
  messages: ThreadedMessages,
  byDate: Uint32Array,
  pace: () => Promise<void>,
): Promise<Forest> {
  const pruned = await prunedTree(messages, pace);
  const forest = await gather(messages, pruned, byDate, pace);
  const latest = new Float64Array(forest.firstChild.length).fill(Number.NEGATIVE_INFINITY);
  const roots = rootsOf(messages.length, pruned);
  for (let row = 0; row < messages.length; row += 1) {
    const root = roots[row] as number;
    latest[root] = Math.max(latest[root] as number, messages.sentMs[row] as number);
    if (row % ROWS_BETWEEN_PACES === 0) await pace();
  }
  const dates = Float64Array.from(forest.roots, (root) => latest[root] as number);
  const order = await sortRows(dates.length, [{ values: dates, isDescending: false }], pace);
  const { roots: byFirst } = forest;
  return forest.withRoots(Array.from(order, (at) => byFirst[at] as number));
}

/** Parents after pruning: each is a message, or a dummy under the root with two children at least. */
interface Pruned {
  /** By row. */
  readonly parents: Int32Array;
  /** Messages and dummies; those that subjects need come behind. */
  nodes: number;
}

/** Steps 1 to 3. */
async function prunedTree(messages: ThreadedMessages, pace: () => Promise<void>): Promise<Pruned> {
  const tree = new ReferenceTree(messages);
  await tree.build(pace);
  const { parents } = tree;
  const nodes = parents.length;
  const children = new Uint32Array(nodes);
  const pruned = new Int32Array(messages.length);
  for (let row = 0; row < messages.length; row += 1) {
    const parent = parentWithoutDummies(row, parents, messages.length);
    pruned[row] = parent;
    if (parent !== NONE) children[parent] = (children[parent] as number) + 1;
    if (row % ROWS_BETWEEN_PACES === 0) await pace();
  }
  for (let row = 0; row < messages.length; row += 1) {
    const parent = pruned[row] as number;
    // (3) An only child takes the place of its dummy.
    if (parent >= messages.length && children[parent] === 1) pruned[row] = NONE;
  }
  return { parents: pruned, nodes };
}

/** (3) A dummy that has a parent gives its children to that one. What was found is kept for the next. */
function parentWithoutDummies(row: number, parents: Int32Array, messages: number): number {
  const isSkipped = (node: number): boolean => node >= messages && parents[node] !== NONE;
  let found = parents[row] as number;
  while (found !== NONE && isSkipped(found)) found = parents[found] as number;
  for (let node = parents[row] as number; node !== NONE && node !== found; ) {
    const next = parents[node] as number;
    parents[node] = found;
    node = next;
  }
  return found;
}

/** Step 5. Changes the parents of roots. */
class SubjectMerger {
  readonly #messages: ThreadedMessages;
  readonly #pruned: Pruned;
  /** The subject table: by subject, the node that stands for it. */
  readonly #table: Int32Array;
  /** Dummies whose children went to another one. */
  readonly #mergedInto = new Map<number, number>();

  constructor(messages: ThreadedMessages, pruned: Pruned) {
    this.#messages = messages;
    this.#pruned = pruned;
    this.#table = new Int32Array(messages.subjectCount).fill(NONE);
  }

  async merge(byDate: Uint32Array, pace: () => Promise<void>): Promise<void> {
    const roots = await this.#rootsByDate(byDate, pace);
    for (const [at, { node, subject }] of roots.entries()) {
      this.#enter(node, subject);
      if (at % ROWS_BETWEEN_PACES === 0) await pace();
    }
    for (const [at, { node, subject }] of roots.entries()) {
      this.#join(node, subject);
      if (at % ROWS_BETWEEN_PACES === 0) await pace();
    }
    if (this.#mergedInto.size === 0) return;
    const { parents } = this.#pruned;
    for (const [row, parent] of parents.entries()) {
      parents[row] = this.#mergedInto.get(parent) ?? parent;
      if (row % ROWS_BETWEEN_PACES === 0) await pace();
    }
  }

  /** (4), with the subject of each as of (5)(B)(i); without those that have none. */
  async #rootsByDate(
    byDate: Uint32Array,
    pace: () => Promise<void>,
  ): Promise<readonly { readonly node: number; readonly subject: number }[]> {
    const { length, subjects } = this.#messages;
    const roots: { readonly node: number; readonly subject: number }[] = [];
    const seenDummies = new Set<number>();
    for (const [at, row] of byDate.entries()) {
      if (at % ROWS_BETWEEN_PACES === 0) await pace();
      const parent = this.#pruned.parents[row] as number;
      const isFirstOfDummy = parent >= length && !seenDummies.has(parent);
      if (parent !== NONE && !isFirstOfDummy) continue;
      if (isFirstOfDummy) seenDummies.add(parent);
      const subject = subjects[row] as number;
      if (subject !== 0) roots.push({ node: parent === NONE ? row : parent, subject });
    }
    return roots;
  }

  /** (5)(B)(iii) and (iv). */
  #enter(node: number, subject: number): void {
    const known = this.#table[subject] as number;
    const isBetter =
      known !== NONE &&
      !this.#isDummy(known) &&
      (this.#isDummy(node) || (this.#isReply(known) && !this.#isReply(node)));
    if (known === NONE || isBetter) this.#table[subject] = node;
  }

  /** (5)(C). */
  #join(node: number, subject: number): void {
    const known = this.#table[subject] as number;
    if (known === node) return;
    const { parents } = this.#pruned;
    if (this.#isDummy(known)) {
      if (this.#isDummy(node)) this.#mergedInto.set(node, known);
      else parents[node] = known;
    } else if (this.#isReply(node) && !this.#isReply(known)) {
      parents[node] = known;
    } else {
      const dummy = this.#pruned.nodes;
      this.#pruned.nodes += 1;
      parents[node] = dummy;
      parents[known] = dummy;
      this.#table[subject] = dummy;
    }
  }

  #isDummy(node: number): boolean {
    return node >= this.#messages.length;
  }

  #isReply(node: number): boolean {
    return this.#messages.isReply[node] === 1;
  }
}

/** Step 6: each set of siblings by date, a dummy by its first child. */
async function gather(
  messages: ThreadedMessages,
  { parents, nodes }: Pruned,
  byDate: Uint32Array,
  pace: () => Promise<void>,
): Promise<Forest> {
  const forest = new Forest(messages.length, nodes);
  for (const [at, row] of byDate.entries()) {
    const parent = parents[row] as number;
    if (parent === NONE) forest.roots.push(row);
    else {
      if (parent >= messages.length && !forest.hasChild(parent)) forest.roots.push(parent);
      forest.append(parent, row);
    }
    if (at % ROWS_BETWEEN_PACES === 0) await pace();
  }
  return forest;
}

/** The root above each message, found once for all that are on the way. */
function rootsOf(messages: number, { parents }: Pruned): Int32Array {
  const roots = new Int32Array(messages).fill(NONE);
  for (let row = 0; row < messages; row += 1) {
    let node = row;
    while (node < messages && roots[node] === NONE && parents[node] !== NONE) {
      node = parents[node] as number;
    }
    const root = node < messages && roots[node] !== NONE ? (roots[node] as number) : node;
    for (let at = row; at < messages && roots[at] === NONE; at = parents[at] as number) {
      roots[at] = root;
      if (parents[at] === NONE) break;
    }
  }
  return roots;
}
