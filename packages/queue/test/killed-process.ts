import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { argv, kill, pid, stdout } from "node:process";
import { openQueue, openQueueWriter } from "@posthouse/queue";
import { fileCalls } from "../src/file-calls.ts";
import { exampleEnvelope, remoteRecipient } from "./example-envelope.ts";

/**
 * Run as a process of its own by crash.test.ts: does one thing to a queue and dies in the middle of it,
 * by SIGKILL before or after a call of the file system.
 *
 *   killed-process.ts DIRECTORY SCENARIO [before|after CALL [COUNT]]
 */
const [, , directory = "", scenario = "", when = "", call = "", count = "1"] = argv;
const options = {
  queueDirectory: `${directory}/queue`,
  stateDirectory: `${directory}/state`,
  smtpOutSocketPath: `${directory}/smtp-out.sock`,
};

type FileCall = (...parameters: unknown[]) => Promise<unknown>;

function die(): never {
  kill(pid, "SIGKILL");
  throw new Error("still alive");
}

/** Counts calls from now on, and dies at the one that was named. */
async function armed(): Promise<void> {
  if (when === "") return;
  let left = Number(count);
  const deadly = <Parameters extends unknown[], Result>(
    run: (...parameters: Parameters) => Promise<Result>,
  ) =>
    async function (this: unknown, ...parameters: Parameters): Promise<Result> {
      left -= 1;
      if (left === 0 && when === "before") die();
      const result = await run.apply(this, parameters);
      if (left === 0) die();
      return result;
    };
  // Those of the writer, and of others the same by another way.
  const ofWriter = fileCalls as unknown as Record<string, FileCall>;
  const own = ofWriter[call];
  if (own !== undefined) ofWriter[call] = deadly(own);
  if (call === "rename" || call === "open") fs[call] = deadly(fs[call] as FileCall) as never;
  else if (call === "unlink") fs.unlink = deadly(fs.unlink);
  else {
    await using file = await fs.open(directory, "r");
    const prototype = Object.getPrototypeOf(file) as Record<string, FileCall>;
    const run = prototype[call];
    if (run === undefined) throw new Error(`There is no ${call}`);
    prototype[call] = deadly(run);
  }
  syncBuiltinESMExports();
}

const recipients = [remoteRecipient("ann@there.example"), remoteRecipient("bob@there.example")];
const envelope = exampleEnvelope({ recipients });

async function write(): Promise<void> {
  const writer = await openQueueWriter(options);
  await armed();
  const draft = await writer.begin();
  await draft.write(Buffer.from("Hello\r\n".repeat(scenario === "large" ? 30_000 : 1)));
  const isReady = scenario === "ready" || scenario === "large";
  const entry = await draft.commit(isReady ? "ready" : "held", envelope);
  if (scenario === "release") {
    await entry.release(exampleEnvelope({ recipients: recipients.slice(1) }));
  }
  stdout.write("committed\n");
}

async function deliver(): Promise<void> {
  const queue = await openQueue(options);
  await queue.scan();
  const claim = await queue.claimDue({ deliveriesMax: 1, busy: [], isLocalOnly: false });
  const [delivery] = claim?.deliveries ?? [];
  if (delivery === undefined) throw new Error("nothing is due");
  const reply = { code: 550, enhanced: "5.1.1", text: "No such user" };
  if (scenario === "claimed") die();
  await armed();
  if (scenario === "finish") return await delivery.finish();
  await delivery.record([{ recipient: 0, status: "failed", reply, tellsSender: true }]);
  if (scenario === "recorded") die();
  await delivery.recordNotified("final", [0]);
  die();
}

/** Claims until nothing is due, tells each id, and stays alive with its leases. */
async function drain(): Promise<void> {
  const queue = await openQueue(options);
  for (;;) {
    const claim = await queue.claimDue({ deliveriesMax: 2, busy: [], isLocalOnly: false });
    if (claim === undefined) break;
    for (const { id } of claim.deliveries) stdout.write(`${id}\n`);
  }
  stdout.end(() => die());
}

if (["ready", "large", "held", "release"].includes(scenario)) await write();
else if (scenario === "drain") await drain();
else await deliver();
