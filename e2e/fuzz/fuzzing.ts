import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Mutator } from "./mutator.ts";

/** What is tried with each input. */
export interface Target {
  readonly name: string;
  /** What inputs are made of. */
  readonly seeds: readonly Buffer[];
  readonly words: readonly string[];
  /**
   * Says in short what came of each piece of it: an input of which something new comes is a seed from then
   * on. Throws where something is wrong.
   */
  attempt(input: Buffer): readonly string[] | Promise<readonly string[]>;
}

export interface FuzzResult {
  readonly inputs: number;
  /** Different outcomes seen. */
  readonly outcomes: number;
  readonly seconds: number;
  readonly slowest: { readonly ms: number; readonly input: Buffer };
}

/** An input with which something went wrong, in a form that can be kept: a file in kept/. */
export class FuzzFinding extends Error {
  override readonly name = "FuzzFinding";
  readonly input: Buffer;

  constructor(target: string, input: Buffer, cause: unknown) {
    const shown = JSON.stringify(input.toString("latin1").slice(0, 2000));
    super(`${target} is wrong about ${shown}`, { cause });
    this.input = input;
  }
}

/** Seeds that are found on the way are kept up to here. */
const FOUND_SEEDS_MAX = 5_000;

/** Tries the target with `inputs` inputs. @throws FuzzFinding at the first that is wrong */
export async function fuzz(
  target: Target,
  options: { readonly inputs: number; readonly seed: number },
): Promise<FuzzResult> {
  const mutator = new Mutator(options.seed, target.words);
  const seeds = [...target.seeds];
  const outcomes = new Set<string>();
  const beganMs = performance.now();
  let slowest: FuzzResult["slowest"] = { ms: 0, input: Buffer.alloc(0) };
  for (let count = 0; count < options.inputs; count += 1) {
    const input = mutator.next(seeds);
    const startMs = performance.now();
    const ends = await attempt(target, input);
    const ms = performance.now() - startMs;
    if (ms > slowest.ms) slowest = { ms, input };
    const known = outcomes.size;
    for (const end of ends) outcomes.add(end);
    if (outcomes.size === known) continue;
    if (seeds.length < target.seeds.length + FOUND_SEEDS_MAX) seeds.push(input);
  }
  const seconds = (performance.now() - beganMs) / 1000;
  return { inputs: options.inputs, outcomes: outcomes.size, seconds, slowest };
}

/** One input. @throws FuzzFinding */
export async function attempt(target: Target, input: Buffer): Promise<readonly string[]> {
  try {
    return await target.attempt(input);
  } catch (error) {
    throw new FuzzFinding(target.name, input, error);
  }
}

/** Inputs that something was once wrong about. */
export async function keptInputs(folder: "commands" | "messages"): Promise<Map<string, Buffer>> {
  const directory = join(import.meta.dirname, "kept", folder);
  const kept = new Map<string, Buffer>();
  for (const name of (await readdir(directory)).sort()) {
    kept.set(name, await readFile(join(directory, name)));
  }
  return kept;
}
