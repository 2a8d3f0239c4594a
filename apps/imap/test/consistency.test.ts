import assert from "node:assert/strict";
import { test } from "node:test";
import { BelievingClient } from "./believing-client.ts";
import { startImapServer } from "./imap-server.ts";
import { compare, idle, mailboxes, pick, type Random, randomOf, steps } from "./random-steps.ts";

/**
 * Four clients in two mailboxes, all at once and at random. Whatever the order in which things happen,
 * each client's picture must stay possible while it runs, and be the truth when all is quiet. Two of them
 * have enabled QRESYNC, and come back with what they knew long ago: what they are told must be all that is new.
 */
const ROUNDS = 120;
const CLIENTS = 4;
const SEEDS = [1, 20_000_101, 3_405_691_582];

async function playRound(clients: readonly BelievingClient[], random: Random): Promise<void> {
  const working: Promise<void>[] = [];
  const idling: ((quiet: Promise<unknown>) => Promise<void>)[] = [];
  for (const client of clients) {
    const step = pick(random, steps);
    const own = randomOf(random(0xffff_ffff));
    if (step === idle) idling.push((quiet) => step(client, own, quiet));
    else working.push(step(client, own, Promise.resolve()));
  }
  const quiet = Promise.allSettled(working);
  await Promise.all([...working, ...idling.map((start) => start(quiet))]);
}

interface Memory {
  readonly mailbox: string;
  readonly uidValidity: number;
  readonly highestModSeq: number;
  readonly flags: ReadonlyMap<number, string>;
}

const key = (flags: Iterable<string> = []) => [...flags].sort().join(" ");

/** What a client keeps on its disk when it goes offline. */
async function remember(client: BelievingClient, mailbox: string): Promise<Memory> {
  await client.select(`SELECT ${mailbox}`);
  const { uidValidity, highestModSeq } = client;
  assert.match(await client.run("UID FETCH 1:* FLAGS"), / OK /);
  const flags = new Map(client.messages.map((one) => [one.uid ?? 0, key(one.flags)]));
  return { mailbox, uidValidity, highestModSeq, flags };
}

/** Comes back to it: the memory and what QRESYNC tells must make the truth (RFC 7162 §3.2.5.1). */
async function comeBack(client: BelievingClient, memory: Memory): Promise<void> {
  const { mailbox, uidValidity, highestModSeq } = memory;
  client.vanishedEarlier = [];
  const parameter = `(QRESYNC (${uidValidity} ${highestModSeq}))`;
  await client.select(`SELECT ${mailbox} ${parameter}`);
  const flags = new Map(memory.flags);
  for (const uid of client.vanishedEarlier) flags.delete(uid);
  for (const { uid, flags: told } of client.messages) {
    if (uid !== undefined) flags.set(uid, key(told));
  }
  assert.match(await client.run("UID FETCH 1:* FLAGS"), / OK /);
  const truth = new Map(client.messages.map((one) => [one.uid ?? 0, key(one.flags)]));
  assert.deepEqual(
    [...flags].sort(([one], [other]) => one - other),
    [...truth],
  );
}

for (const seed of SEEDS) {
  test(`each of ${CLIENTS} clients sees a mailbox that can be, and in the end the one that is (seed ${seed})`, async () => {
    await using server = await startImapServer();
    const random = randomOf(seed);
    const clients: BelievingClient[] = [];
    try {
      for (const name of ["a", "b", "c", "d"].slice(0, CLIENTS)) {
        const client = new BelievingClient(name, await server.connect());
        clients.push(client);
        await client.finish("* OK");
        assert.match(await client.run("LOGIN ann secret"), / OK /);
        if (name === "c" || name === "d") {
          assert.match(await client.run("ENABLE QRESYNC"), / OK /);
          client.hasQresync = true;
        }
        await client.select("SELECT INBOX");
      }
      const [, , reader] = clients as [unknown, unknown, BelievingClient];
      for (let round = 0; round < ROUNDS / 2; round += 1) await playRound(clients, random);
      const memories: Memory[] = [];
      for (const mailbox of mailboxes) memories.push(await remember(reader, mailbox));
      for (let round = 0; round < ROUNDS / 2; round += 1) await playRound(clients, random);
      for (const client of clients) await compare(client);
      for (const memory of memories) await comeBack(reader, memory);
    } catch (error) {
      const dialogues = clients.map(({ name, dialogue }) => `--- ${name}\n${dialogue}`);
      throw new Error(dialogues.join("\n"), { cause: error });
    } finally {
      for (const client of clients) client.close();
    }
  });
}
