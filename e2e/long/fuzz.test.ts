import { test } from "node:test";
import { type FuzzResult, fuzz, type Target } from "../fuzz/fuzzing.ts";
import { commandTarget } from "../fuzz/imap-commands.ts";
import { messageTarget } from "../fuzz/messages.ts";

/** Inputs of both together: one of them in ten is a message, which takes ten times as long as a command. */
const inputs = Number(process.env.POSTHOUSE_FUZZ_INPUTS ?? 200_000);
/** Each seed makes other inputs. */
const seed = Number(process.env.POSTHOUSE_FUZZ_SEED ?? 1);

const summary = (result: FuzzResult): string =>
  `${result.inputs} inputs from seed ${seed} in ${result.seconds.toFixed()} s, ${result.outcomes} outcomes, slowest ${result.slowest.ms.toFixed()} ms: ${JSON.stringify(result.slowest.input.toString("latin1").slice(0, 400))}`;

const long = async (target: Target, share: number): Promise<FuzzResult> =>
  await fuzz(target, { inputs: Math.round(inputs * share), seed });

test("nothing is wrong about commands of any kind", async (t) => {
  t.diagnostic(summary(await long(await commandTarget(), 0.9)));
});

test("nothing is wrong about messages of any kind", async (t) => {
  t.diagnostic(summary(await long(await messageTarget(), 0.1)));
});
