import { parentPort, workerData } from "node:worker_threads";
import type { IndexCall, IndexReply } from "./index-client.ts";
import { IndexDatabase } from "./index-database.ts";

/** The thread that owns the index. Calls come in groups, and each group is one transaction. */
const database = new IndexDatabase((workerData as { path: string }).path);

parentPort?.on("message", (calls: readonly IndexCall[] | "close") => {
  if (calls === "close") {
    database.close();
    parentPort?.close();
    return;
  }
  parentPort?.postMessage(run(calls));
});

function run(calls: readonly IndexCall[]): IndexReply[] {
  const steps = calls.map(({ method, parameters }) => () => {
    const step = database[method] as (...args: readonly unknown[]) => unknown;
    return step.apply(database, [...parameters]);
  });
  try {
    return database.batch(steps);
  } catch (reason) {
    // The transaction as a whole: the disk is full, or another process holds the index.
    return calls.map(() => ({ status: "rejected", reason }));
  }
}
