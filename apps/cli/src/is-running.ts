/** Whether there is a process of this number. */
export function isRunning(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    // Another user's is not ours to signal, and is there.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
