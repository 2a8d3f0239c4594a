import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { limits } from "./limits.ts";

/**
 * Watches one path with inotify, and when the kernel has no watch left (or the path is not there yet)
 * looks at its modification time each second. It only wakes: what changed is read by whoever is woken.
 */
export function watchPath(
  path: string,
  onChange: (entry: string | undefined) => void,
  log: (text: string) => void,
): Disposable {
  const watcher = tryToWatch(path, onChange, log);
  if (watcher === undefined) return pollPath(path, onChange);
  let poll: Disposable | undefined;
  watcher.on("error", (error) => {
    log(`Cannot go on watching "${path}", looking each second: ${error.message}`);
    watcher.close();
    poll ??= pollPath(path, onChange);
  });
  return {
    [Symbol.dispose]() {
      watcher.close();
      poll?.[Symbol.dispose]();
    },
  };
}

function tryToWatch(
  path: string,
  onChange: (entry: string | undefined) => void,
  log: (text: string) => void,
): FSWatcher | undefined {
  try {
    // Servers live by their listeners, not by what they watch.
    return watch(path, { persistent: false }, (_event, entry) => onChange(entry ?? undefined));
  } catch (error) {
    // ENOSPC and EMFILE: no watch left. Whatever else it is, looking still tells.
    log(`Cannot watch "${path}", looking each second: ${(error as Error).message}`);
    return undefined;
  }
}

/** The poll that stands in where inotify has no watch left. */
export function pollPath(path: string, onChange: (entry: undefined) => void): Disposable {
  let before: bigint | undefined;
  let isFirst = true;
  const look = async (): Promise<void> => {
    const now = await stat(path, { bigint: true }).then(
      ({ mtimeNs }) => mtimeNs,
      () => undefined,
    );
    if (!isFirst && now !== before) onChange(undefined);
    isFirst = false;
    before = now;
  };
  void look();
  const timer = setInterval(() => void look(), limits.pollMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
