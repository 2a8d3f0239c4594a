import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString, writeHeapSnapshot } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";

/**
 * To be imported before an app (NODE_OPTIONS): at SIGUSR2 it collects its garbage and writes what V8 says it holds
 * into `$POSTHOUSE_BENCH_DIRECTORY/memory.<pid>`; at SIGPROF it writes a heap snapshot beside it.
 */
if (isMainThread) {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options: object) => void;
  // As V8 does by itself after a while in which little happens: it gives back what it has no use for.
  const collect = (): void => gc({ type: "major", execution: "sync", flavor: "last-resort" });
  const directory = process.env.POSTHOUSE_BENCH_DIRECTORY ?? "/tmp";
  process.on("SIGPROF", () => {
    for (let time = 0; time < 4; time += 1) collect();
    writeHeapSnapshot(join(directory, `${process.pid}.heapsnapshot`));
  });
  process.on("SIGUSR2", () => {
    for (let time = 0; time < 4; time += 1) collect();
    writeFileSync(join(directory, `memory.${process.pid}`), JSON.stringify(process.memoryUsage()));
  });
}
