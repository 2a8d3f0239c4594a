let armed: string | undefined;
let left = 0;

/** For tests only: the process kills itself when it comes to this row of a crash table for the `time`th time. */
export function armCrashPoint(row: string, time = 1): void {
  armed = row;
  left = time;
}

/** A row of a crash table. Costs one comparison. */
export function crashPoint(row: string): void {
  if (armed !== row) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, "SIGKILL");
}
