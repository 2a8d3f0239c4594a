import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { AppContext } from "@posthouse/service";
import { limits } from "../limits.ts";
import { Greylist } from "./greylist.ts";

const FIRST_LINE = "posthouse greylist 1";

/**
 * The greylist of the configuration; undefined when it is off. It is in memory and kept in a file now and
 * then, and at the end. After a crash some senders wait once more: nothing is lost that would be worth a
 * write for each message.
 */
export async function openGreylist(
  { config, log }: Pick<AppContext, "config" | "log">,
  opened: AsyncDisposableStack,
  now: () => number = Date.now,
): Promise<Greylist | undefined> {
  const { greylistSeconds, greylistWindowSeconds, greylistKnownAfter, greylistKnownDays } =
    config.inspection;
  if (greylistSeconds === 0) return undefined;
  const rules = {
    waitMs: greylistSeconds * 1000,
    windowMs: greylistWindowSeconds * 1000,
    knownAfter: greylistKnownAfter,
    knownMs: greylistKnownDays * 24 * 3600 * 1000,
  };
  const greylist = new Greylist(rules, { now });
  const path = join(config.smtpIn.stateDirectory, "greylist");
  const complain = (err: unknown) =>
    log.warn({ err }, "Cannot keep the greylist; after a restart everybody is new again");
  await restore(greylist, path).catch(complain);
  let saving: Promise<void> = Promise.resolve();
  const save = (): Promise<void> => {
    saving = saving.then(() => write(path, greylist.lines())).catch(complain);
    return saving;
  };
  const timer = setInterval(() => void save(), limits.greylistSaveMs).unref();
  opened.defer(async () => {
    clearInterval(timer);
    await save();
  });
  return greylist;
}

async function restore(greylist: Greylist, path: string): Promise<void> {
  let text: string;
  try {
    text = await readFile(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const [first, ...lines] = text.split("\n");
  if (first !== FIRST_LINE) throw new Error(`${path} does not begin with "${FIRST_LINE}"`);
  greylist.restore(lines);
}

/** The old one stays in place until the new one is whole. */
async function write(path: string, lines: Iterable<string>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const tmp = `${path}.tmp`;
  await using file = await open(tmp, "w", 0o600);
  await file.writeFile(slices(lines), "latin1");
  await file.sync();
  await rename(tmp, path);
}

/** Others have their turn between two of them. */
async function* slices(lines: Iterable<string>): AsyncGenerator<string> {
  let slice = `${FIRST_LINE}\n`;
  for (const line of lines) {
    slice += `${line}\n`;
    if (slice.length < 64 * 1024) continue;
    yield slice;
    slice = "";
  }
  yield slice;
}
