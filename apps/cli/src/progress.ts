/** On a terminal, one line that is written over; else nothing. */
export function showProgress(what: string): (done: number, all?: number) => void {
  if (process.stderr.isTTY !== true) return () => {};
  let lastMs = 0;
  return (done, all) => {
    const nowMs = performance.now();
    if (done !== all && nowMs - lastMs < 200) return;
    lastMs = nowMs;
    const of = all === undefined ? "" : ` of ${all}`;
    process.stderr.write(`\r${done}${of} ${what}\u001b[K${done === all ? "\n" : ""}`);
  };
}
