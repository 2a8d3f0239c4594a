import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { armCrashPoint } from "../crash-point.ts";
import { limits } from "../limits.ts";
import { fillAccount } from "./fill-account.ts";
import type { FillOptions, FillReply, FillRequest } from "./search-jobs.ts";

/**
 * The thread of a process that fills search texts, one account after the other. It has the lowest priority
 * that there is, and ends when there has been nothing to do for a while: most accounts rest most of the time.
 */
armCrashPoint((workerData as FillOptions).crashAt);
// On Linux this is the priority of this thread alone.
setPriority(constants.priority.PRIORITY_LOW);

const waiting: Exclude<FillRequest, "close">[] = [];
let isStopping = false;
let isFilling = false;
let idle = setTimeout(end, limits.searchFillIdleMs);

parentPort?.on("message", (request: FillRequest) => {
  if (request === "close") {
    isStopping = true;
    waiting.length = 0;
    if (!isFilling) end();
    return;
  }
  waiting.push(request);
  if (!isFilling) void fillWaiting();
});

async function fillWaiting(): Promise<void> {
  isFilling = true;
  clearTimeout(idle);
  for (let request = waiting.shift(); request !== undefined; request = waiting.shift()) {
    const { accountPath } = request;
    post({ kind: "filled", accountPath, next: await fill(request) });
  }
  isFilling = false;
  if (isStopping) end();
  else idle = setTimeout(end, limits.searchFillIdleMs);
}

async function fill(
  request: Exclude<FillRequest, "close">,
): Promise<Extract<FillReply, { kind: "filled" }>["next"]> {
  const { accountPath, isDamaged } = request;
  const log = (text: string): void => post({ kind: "log", text });
  try {
    const context = { accountPath, log, isStopping: () => isStopping };
    return await fillAccount(context, { isDamaged });
  } catch (error) {
    log(`Cannot fill the search text of "${accountPath}": ${(error as Error).message}`);
    return "failed";
  }
}

function end(): void {
  clearTimeout(idle);
  parentPort?.close();
}

function post(reply: FillReply): void {
  parentPort?.postMessage(reply);
}
