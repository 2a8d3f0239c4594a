/** "none" among nodes. */
export const NONE = -1;

/**
 * Threads, ready to be told. Nodes below `messages` are messages by row; the others are dummies, which
 * stand for messages that are not there and have two children at least (RFC 5256 §3, step 3).
 */
export class Forest {
  readonly messages: number;
  roots: number[] = [];
  readonly firstChild: Int32Array;
  readonly nextSibling: Int32Array;
  readonly #lastChild: Int32Array;

  constructor(messages: number, nodes: number) {
    this.messages = messages;
    this.firstChild = new Int32Array(nodes).fill(NONE);
    this.nextSibling = new Int32Array(nodes).fill(NONE);
    this.#lastChild = new Int32Array(nodes).fill(NONE);
  }

  /** Puts a node behind the other children of its parent. */
  append(parent: number, child: number): void {
    const last = this.#lastChild[parent] as number;
    if (last === NONE) this.firstChild[parent] = child;
    else this.nextSibling[last] = child;
    this.#lastChild[parent] = child;
  }

  /** Itself, with its roots in another order. */
  withRoots(roots: number[]): this {
    this.roots = roots;
    return this;
  }

  hasChild(node: number): boolean {
    return this.firstChild[node] !== NONE;
  }
}
