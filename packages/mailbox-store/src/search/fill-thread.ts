import { existsSync } from "node:fs";
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
const { crashAt, messageBytesMax } = workerData as FillOptions;
armCrashPoint(crashAt);
// On Linux this is the priority of this thread alone.
try {
  setPriority(constants.priority.PRIORITY_LOW);
} catch {
  // A sandbox may forbid it. Filling is then one thread among the others.
}

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
    const beganMs = performance.now();
    const isTurnOver = () =>
      waiting.length > 0 && performance.now() - beganMs > limits.searchFillTurnMs;
    const reply = await fill(request, () => isStopping || isTurnOver());
    // The others first: what is left of a large account is done after them.
    const isLeft = reply.kind === "filled" && reply.next === "again" && isTurnOver();
    if (isLeft) waiting.push({ accountPath, isDamaged: false });
    else post(reply);
  }
  isFilling = false;
  if (isStopping) end();
  else idle = setTimeout(end, limits.searchFillIdleMs);
}

async function fill(
  { accountPath, isDamaged }: Exclude<FillRequest, "close">,
  isToStop: () => boolean,
): Promise<FillReply> {
  const log = (text: string): void => post({ kind: "log", text });
  try {
    const context = { accountPath, messageBytesMax, log, isStopping: isToStop };
    return { kind: "filled", accountPath, next: await fillAccount(context, { isDamaged }) };
  } catch (error) {
    // An account that was removed has nothing to fill.
    if (!existsSync(accountPath)) return { kind: "filled", accountPath, next: "done" };
    const reason = `Cannot fill the search text of "${accountPath}": ${(error as Error).message}`;
    return { kind: "failed", accountPath, reason };
  }
}

function end(): void {
  clearTimeout(idle);
  parentPort?.close();
}

function post(reply: FillReply): void {
  parentPort?.postMessage(reply);
}
