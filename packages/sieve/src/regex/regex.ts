import { limits } from "../limits.ts";
import type { Captures } from "../matching/wildcards.ts";
import { parseRegex, RegexError, type RegexNode } from "./parse-regex.ts";

/**
 * Extended regular expressions in time by length of text times length of expression.
 *
 * The engine of this language goes back and tries again, and there are expressions of ten characters
 * that keep it busy for years. So an expression is compiled to instructions, and all places of it that
 * the text read so far can have led to are held at the same time, each once, in order of preference
 * (Thompson's construction, with the places of groups carried along as Pike did).
 *
 * Of several matches the leftmost counts, and of those the longest, as POSIX says. Within it, groups
 * are those of the first way to get there with each repetition as long as can be; POSIX has a finer
 * rule for that, which differs only where two choices can match the same text in different pieces.
 */
export class Regex {
  readonly #program: readonly Instruction[];
  readonly #slots: number;

  private constructor(program: readonly Instruction[], groups: number) {
    this.#program = program;
    this.#slots = 2 * Math.min(groups + 1, limits.matchVariablesMax);
  }

  /** Throws RegexError. */
  static compile(pattern: string, fold: (character: string) => string): Regex {
    const { tree, groups } = parseRegex(pattern, fold);
    const program: Instruction[] = [];
    const whole: RegexNode = { kind: "group", index: 0, inside: tree };
    emit(whole, program);
    program.push({ kind: "match" });
    return new Regex(program, groups);
  }

  /** The whole match and its groups; what did not take part is empty. */
  match(text: string, spend: (steps: number) => void): Captures | undefined {
    const characters = Array.from(text);
    let found: Thread["slots"] | undefined;
    let current = new ThreadList(this.#program.length);
    let next = new ThreadList(this.#program.length);
    let states = 0;
    for (let at = 0; at <= characters.length; at += 1) {
      // Leftmost: once one is found, none that begins later is of interest.
      if (found === undefined) {
        this.#add(
          current,
          { at: 0, slots: Array.from({ length: this.#slots }, () => -1) },
          at,
          characters,
        );
      }
      states += current.threads.length + 1;
      if (states >= 256) {
        spend(Math.trunc(states / 256));
        states %= 256;
      }
      if (current.threads.length === 0 && found !== undefined) break;
      const character = characters[at];
      for (const thread of current.threads) {
        const instruction = this.#program[thread.at];
        if (instruction?.kind === "match") {
          if (found === undefined || isBetter(thread.slots, found)) found = thread.slots;
        } else if (
          instruction?.kind === "characters" &&
          character !== undefined &&
          instruction.has(character) &&
          (found === undefined || (thread.slots[0] ?? 0) <= (found[0] ?? 0))
        ) {
          this.#add(next, { at: thread.at + 1, slots: thread.slots }, at + 1, characters);
        }
      }
      [current, next] = [next, current];
      next.clear();
    }
    if (found === undefined) return undefined;
    const captures: string[] = [];
    for (let slot = 0; slot < found.length; slot += 2) {
      const [start = -1, end = -1] = found.slice(slot, slot + 2);
      captures.push(start === -1 || end === -1 ? "" : characters.slice(start, end).join(""));
    }
    return captures;
  }

  /** Follows what takes no character; with a stack of its own, since expressions may be long. */
  #add(list: ThreadList, thread: Thread, at: number, characters: readonly string[]): void {
    const waiting: Thread[] = [thread];
    for (let here = waiting.pop(); here !== undefined; here = waiting.pop()) {
      if (!list.enter(here.at)) continue;
      const instruction = this.#program[here.at];
      const { slots } = here;
      switch (instruction?.kind) {
        case "jump":
          waiting.push({ at: instruction.to, slots });
          break;
        case "split":
          waiting.push({ at: instruction.other, slots }, { at: instruction.preferred, slots });
          break;
        case "save":
          if (instruction.slot < this.#slots) {
            const changed = slots.slice();
            changed[instruction.slot] = at;
            waiting.push({ at: here.at + 1, slots: changed });
          } else waiting.push({ at: here.at + 1, slots });
          break;
        case "start":
          if (at === 0) waiting.push({ at: here.at + 1, slots });
          break;
        case "end":
          if (at === characters.length) waiting.push({ at: here.at + 1, slots });
          break;
        case "characters":
        case "match":
        case undefined:
          list.threads.push(here);
      }
    }
  }
}

type Instruction =
  | { readonly kind: "characters"; readonly has: (character: string) => boolean }
  | { readonly kind: "match" | "start" | "end" }
  | { readonly kind: "save"; readonly slot: number }
  | { readonly kind: "jump"; readonly to: number }
  | { readonly kind: "split"; readonly preferred: number; readonly other: number };

interface Thread {
  readonly at: number;
  readonly slots: readonly number[];
}

/** Places of the program, each once, in order of preference. */
class ThreadList {
  readonly threads: Thread[] = [];
  readonly #entered: Uint32Array;
  #round = 1;

  constructor(size: number) {
    this.#entered = new Uint32Array(size);
  }

  enter(at: number): boolean {
    if (this.#entered[at] === this.#round) return false;
    this.#entered[at] = this.#round;
    return true;
  }

  clear(): void {
    this.threads.length = 0;
    this.#round += 1;
  }
}

/** Further left, or as far left and longer. */
function isBetter(slots: readonly number[], found: readonly number[]): boolean {
  const [start = 0, end = 0] = slots;
  const [foundStart = 0, foundEnd = 0] = found;
  return start < foundStart || (start === foundStart && end > foundEnd);
}

function emit(node: RegexNode, program: Instruction[]): void {
  if (program.length > limits.regexStatesMax) throw new RegexError("the expression is too long");
  switch (node.kind) {
    case "empty":
      return;
    case "characters":
      program.push({ kind: "characters", has: node.has });
      return;
    case "start":
    case "end":
      program.push({ kind: node.kind });
      return;
    case "group":
      program.push({ kind: "save", slot: 2 * node.index });
      emit(node.inside, program);
      program.push({ kind: "save", slot: 2 * node.index + 1 });
      return;
    case "sequence":
      for (const part of node.parts) emit(part, program);
      return;
    case "choice":
      emitChoice(node.parts, program);
      return;
    case "repeat":
      emitRepeat(node.inside, node.min, node.max, program);
  }
}

function emitChoice(parts: readonly RegexNode[], program: Instruction[]): void {
  const jumps: number[] = [];
  parts.forEach((part, index) => {
    const isLast = index === parts.length - 1;
    const split = program.length;
    if (!isLast) program.push({ kind: "match" });
    emit(part, program);
    if (isLast) return;
    jumps.push(program.length);
    program.push({ kind: "match" });
    program[split] = { kind: "split", preferred: split + 1, other: program.length };
  });
  for (const jump of jumps) program[jump] = { kind: "jump", to: program.length };
}

function emitRepeat(inside: RegexNode, min: number, max: number, program: Instruction[]): void {
  for (let count = 0; count < min; count += 1) {
    const before = program.length;
    emit(inside, program);
    // Nothing, however often, is nothing: "x{0}{255}{255}" takes no time.
    if (program.length === before) break;
  }
  if (max === Number.POSITIVE_INFINITY) {
    const split = program.length;
    program.push({ kind: "match" });
    emit(inside, program);
    program.push({ kind: "jump", to: split });
    program[split] = { kind: "split", preferred: split + 1, other: program.length };
    return;
  }
  const splits: number[] = [];
  for (let count = min; count < max; count += 1) {
    splits.push(program.length);
    program.push({ kind: "match" });
    emit(inside, program);
  }
  for (const split of splits) {
    program[split] = { kind: "split", preferred: split + 1, other: program.length };
  }
}
