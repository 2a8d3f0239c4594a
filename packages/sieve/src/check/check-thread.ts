import { parentPort } from "node:worker_threads";
import { compileScript } from "../compile/compile-script.ts";
import { SieveScriptError } from "../sieve-error.ts";
import type { CheckAnswer, CheckTask } from "./check-task.ts";

/** A thread that compiles scripts to say what is wrong with them; programs do not leave it. */
const port = parentPort;
if (port === null) throw new Error("This file is the beginning of a thread");

port.on("message", (task: CheckTask) => port.postMessage(answerTo(task)));

function answerTo({ id, script }: CheckTask): CheckAnswer {
  try {
    return { id, problems: [], warnings: compileScript(script).warnings };
  } catch (error) {
    if (error instanceof SieveScriptError) return { id, problems: error.problems, warnings: [] };
    throw error;
  }
}
