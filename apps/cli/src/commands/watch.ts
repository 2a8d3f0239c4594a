import { Command } from "commander";
import { withExamples } from "../examples.ts";
import { assertHasMail } from "../mail-of.ts";
import { harmless, print } from "../output.ts";
import {
  configOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";
import { followEvents } from "../trace/follow-events.ts";
import type { TrailEvent } from "../trace/read-events.ts";
import { sentenceOf, timeOf } from "../trace/tell.ts";

interface WatchOptions extends SourceOptions {
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `posthouse watch`: new mail of an account as it comes, a line each, for people and for scripts. */
export const watchCommand = (): Command =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("watch")
          .description("tell of new mail of an account as it comes, until it is stopped")
          .argument("<address>")
          .option("--all", "tell also of logins, refusals, and what else concerns the account"),
      ),
    ).action(watchAccount),
    [
      "watch ann@example.org",
      "watch ann@example.org --all",
      "watch ann@example.org --json | while read -r event; do notify-send Mail; done",
    ],
  );

async function watchAccount(address: string, options: WatchOptions): Promise<void> {
  const config = configOf(options);
  await assertHasMail(config, address);
  const stopped = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => stopped.abort());
  }
  // Who reads us has gone: "watch | head -1".
  process.stdout.once("error", () => stopped.abort());
  const sought = address.toLowerCase();
  const isNamed = (line: string) => line.toLowerCase().includes(sought);
  const { events } = config.paths;
  for await (const event of followEvents(events, isNamed, stopped.signal)) {
    if (!isAbout(event, sought) || !(options.all === true || isNewMail(event))) continue;
    const line = `${timeOf(event.atMs)}  ${sentenceOf(event)}`;
    print(options.json === true ? JSON.stringify(event) : harmless(line));
  }
}

const isNewMail = ({ type }: TrailEvent): boolean => type === "delivered" || type === "appended";

/** The account itself, not somebody who wrote to it. */
const isAbout = ({ recipient, account, username }: TrailEvent, sought: string): boolean =>
  [recipient, account, username].some(
    (value) => typeof value === "string" && value.toLowerCase() === sought,
  );
