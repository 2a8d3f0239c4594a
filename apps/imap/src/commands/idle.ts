import { ConnectionLost, LineTooLong } from "@posthouse/wire";
import { Alarm } from "../alarm.ts";
import { defineCommand, loggedIn, type Session } from "../command.ts";
import { limits } from "../limits.ts";
import { bad } from "../response.ts";
import type { States } from "../state.ts";

/** IDLE: RFC 2177. What is new is pushed at once, until the client says DONE. */
export const idle = defineCommand({
  name: "IDLE",
  states: loggedIn,
  capability: "IDLE",
  expunges: "tell",
  waitsForClient: true,
  async run(state, args, session) {
    args.end();
    session.output.continuation("idling");
    await push(state, session);
    return { text: "IDLE completed" };
  },
});

/**
 * Two things are waited for at once: a line, and a change. A change only wakes; what it was is found
 * by looking (SelectedMailbox.refresh), so any number of wakes while we look make one more look.
 */
async function push(
  state: States["authenticated"] | States["selected"],
  session: Session,
): Promise<void> {
  const { connection, output } = session;
  const alarm = new Alarm<Reason>();
  using _changes = state.user.mail.onChange(() => alarm.ring("change"));
  using _closing = session.onClosing(() => alarm.ring("closing"));
  using _keepalive = ringEvery(session.services.config.imap.idleKeepaliveSeconds, alarm);
  let line: Promise<void> | undefined;
  // Most of the time nothing comes: only then is somebody there to read it.
  connection.whenReadable(() => alarm.ring("readable"));
  alarm.ring("change"); // what changed since the last command
  for (;;) {
    const reasons = await alarm.wait();
    if (reasons.has("readable")) {
      line = readDone(session).finally(() => alarm.ring("line"));
      // It may fail while we are telling something; it is awaited below in any case.
      line.catch(() => {});
    }
    if (reasons.has("line")) return await line;
    if (reasons.has("closing")) throw session.farewell;
    if (reasons.has("change")) await session.push({ isIdle: true });
    if (reasons.has("keepalive")) output.untagged(`OK ${session.inLanguage("Still here")}`);
    await output.flush();
    if (connection.isClosed) throw new ConnectionLost("The client went away inside IDLE");
  }
}

/** A line now and then keeps the entry in the client's address translator; 0 seconds for none. */
function ringEvery(seconds: number, alarm: Alarm<Reason>): Disposable {
  const timer =
    seconds === 0 ? undefined : setInterval(() => alarm.ring("keepalive"), seconds * 1000).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function readDone({ connection }: Session): Promise<void> {
  try {
    const line = await connection.readLine(limits.lineBytesMax);
    if (line === undefined) throw new ConnectionLost("The client went away inside IDLE");
    if (line.toString("latin1").toUpperCase() === "DONE") return;
  } catch (error) {
    if (!(error instanceof LineTooLong)) throw error;
  }
  throw bad("Expected DONE");
}

type Reason = "change" | "closing" | "keepalive" | "line" | "readable";
