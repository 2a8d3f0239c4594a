import { writeSync } from "node:fs";
import { type AccountMail, StoreError } from "../../src/index.ts";
import { StoreActor } from "./store-actor.ts";
import { accounts, lookAt, openStore, type StoreEvent, type WorkerTask } from "./store-traffic.ts";

/**
 * A process that works on a store until it is killed, or its orders are done, and says on its standard
 * output what it asks for and what is done: store-worker.ts TASK
 */
const task = JSON.parse(process.argv[2] ?? "") as WorkerTask;
const store = await openStore(task.mailDirectory, task.crashAt);
const pause = new Int32Array(new SharedArrayBuffer(4));
let ordersLeft = task.orders ?? Number.POSITIVE_INFINITY;

/** At once, so that what is said is out before the next thing happens. */
function say(event: StoreEvent): void {
  let octets = Buffer.from(`${JSON.stringify(event)}\n`);
  while (octets.length > 0) {
    try {
      octets = octets.subarray(writeSync(1, octets));
    } catch (error) {
      // The pipe is full: whoever reads it is stopped.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(pause, 0, 0, 10);
    }
  }
}

async function act(actor: StoreActor): Promise<void> {
  while (ordersLeft > 0) {
    ordersLeft -= 1;
    const order = await actor.nextOrder();
    say({ actor: actor.number, start: order });
    const answer = await actor.obey(order);
    say({ actor: actor.number, done: answer });
    actor.remember(order, answer);
  }
}

try {
  const mails: AccountMail[] = [];
  for (const ref of accounts) mails.push(await store.openAccount(ref));
  const seen = await lookAt(store, { othersWork: true });
  await Promise.all(task.actors.map((actor) => act(new StoreActor(actor, task, mails, seen))));
} catch (error) {
  // Where the disk is taken away that is as it should be: nothing more is acknowledged.
  if (!(error instanceof StoreError)) throw error;
  say({ failed: `${error.code}: ${error.message}` });
}
process.exit(0);
