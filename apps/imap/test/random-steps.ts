import assert from "node:assert/strict";
import type { BelievingClient, FlagChange } from "./believing-client.ts";

/** Mulberry32: small, and the same on every machine. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export type Random = ReturnType<typeof randomOf>;

export const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[random(items.length)] as Item;

export const mailboxes = ["INBOX", "Archive"];
const flagNames = ["\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "Work", "Play"];

/** `quiet` resolves when every other client of the round is done. */
export type Step = (
  client: BelievingClient,
  random: Random,
  quiet: Promise<unknown>,
) => Promise<void>;

const command =
  (text: string): Step =>
  async (client) => {
    assert.match(await client.run(text), / OK /);
  };

/** What has vanished meanwhile makes a NO of it (RFC 2180 §4.1.2), and that is the only reason. */
async function runOnMessages(client: BelievingClient, text: string): Promise<string> {
  const answer = await client.run(text);
  assert.match(answer, / (OK|NO \[EXPUNGEISSUED\]) /);
  return answer;
}

/** A message of the client's: its number, and what it knows of it. */
function anyMessage(client: BelievingClient, random: Random) {
  if (client.messages.length === 0) return undefined;
  const index = random(client.messages.length);
  return { number: index + 1, known: client.messages[index] as (typeof client.messages)[number] };
}

function anyRange(client: BelievingClient, random: Random): string | undefined {
  if (client.messages.length === 0) return undefined;
  const [from, to] = [random(client.messages.length) + 1, random(client.messages.length) + 1];
  return pick(random, [`${from}:${to}`, `${from},${to}`, `${from}:*`]);
}

const append: Step = async (client, random) => {
  const message = `Subject: ${random(1000)}\r\n\r\nhello\r\n`;
  const flags = pick(random, ["", "(\\Seen) ", "(\\Deleted Work) "]);
  const text = `APPEND ${pick(random, mailboxes)} ${flags}{${message.length}+}\r\n${message}`;
  assert.match(await client.run(text), / OK \[APPENDUID /);
};

const fetchRange: Step = async (client, random) => {
  const range = anyRange(client, random);
  if (range === undefined) return;
  const items = pick(random, ["(UID FLAGS)", "UID", "FLAGS", "(UID BODY[]<0.9>)"]);
  await runOnMessages(client, `FETCH ${range} ${items}`);
};

const uidFetch: Step = async (client, random) => {
  await runOnMessages(client, `UID FETCH 1:* ${pick(random, ["FLAGS", "UID", "BODY[TEXT]"])}`);
};

const storeFlags: Step = async (client, random) => {
  const message = anyMessage(client, random);
  if (message === undefined) return;
  const change: FlagChange = {
    item: pick(random, ["FLAGS", "+FLAGS", "-FLAGS"]),
    flags: [...new Set([pick(random, flagNames), pick(random, flagNames)])],
  };
  // What is pushed crosses what is sent: nobody could tell which of the two changes was first.
  const isSilent = random(2) === 0 && !client.isNotified;
  const { uid } = message.known;
  const which =
    uid !== undefined && random(2) === 0 ? `UID STORE ${uid}` : `STORE ${message.number}`;
  const item = `${change.item}${isSilent ? ".SILENT" : ""}`;
  const answer = runOnMessages(client, `${which} ${item} (${change.flags.join(" ")})`);
  if (isSilent) client.expectFlags(message.known, change);
  await answer;
};

/** A number means the same to both sides: SEARCH for a UID finds it where the client has it. */
const searchUid: Step = async (client, random) => {
  const known = anyMessage(client, random)?.known;
  if (known?.uid === undefined) return;
  const { uid } = known;
  const found = await client.search(`SEARCH UID ${uid}`);
  assert.ok(found.length === 0 || found[0] === client.messages.indexOf(known) + 1);
};

const copyOne: Step = async (client, random) => {
  const message = anyMessage(client, random);
  if (message === undefined) return;
  // As it was known when it was named: which of two unknown messages has vanished meanwhile is a guess.
  const { uid } = message.known;
  const answer = await runOnMessages(client, `COPY ${message.number} ${pick(random, mailboxes)}`);
  const [, source] = /\[COPYUID \d+ (\d+) /.exec(answer) ?? [];
  if (source !== undefined && uid !== undefined) {
    assert.equal(Number(source), uid, "COPY took another message");
  }
};

const moveRange: Step = async (client, random) => {
  const range = anyRange(client, random);
  if (range === undefined) return;
  assert.match(await client.run(`MOVE ${range} ${pick(random, mailboxes)}`), / OK /);
};

const uidExpunge: Step = async (client, random) => {
  const uid = anyMessage(client, random)?.known.uid ?? 1;
  assert.match(await client.run(`UID EXPUNGE ${uid}:*`), / OK /);
};

const selectAnother: Step = async (client, random) => {
  await client.select(`SELECT ${pick(random, mailboxes)}`);
};

/** As long as the others work, and everything is pushed meanwhile. */
export const idle: Step = async (client, _random, quiet) => {
  const tag = client.send("IDLE");
  await client.finish("+");
  const done = client.finish(tag);
  // It is awaited below, in whatever state it is by then.
  done.catch(() => {});
  await quiet;
  client.sendLine("DONE");
  assert.match(await done, / OK /);
};

/** What becomes of the result comes by itself (RFC 5267 §4.3), and compare() holds it against the truth. */
const keepSearch: Step = async (client, random) => {
  await client.keepSearch(pick(random, ["DELETED", "UNSEEN", "KEYWORD Work", "ALL"]));
};

/** `$` is what was found, without what is gone by then (RFC 5182 §2.1). */
const fetchSaved: Step = async (client) => {
  const found = await client.uidSearch("UID SEARCH RETURN (SAVE ALL) UNSEEN");
  const fetched: number[] = [];
  client.onFetch = (response) => {
    const [, uid] =
      /[( ]UID (\d+) BODY|^\* (\d+) UIDFETCH \(BODY/.exec(response)?.filter(Boolean) ?? [];
    if (uid !== undefined) fetched.push(Number(uid));
  };
  assert.match(await client.run("UID FETCH $ BODY.PEEK[]<0.9>"), / OK /);
  client.onFetch = undefined;
  for (const uid of fetched) assert.ok(found.includes(uid), `${uid} was not saved`);
};

const replaceOne: Step = async (client, random) => {
  const uid = anyMessage(client, random)?.known.uid;
  if (uid === undefined) return;
  const message = `Subject: ${random(1000)}\r\n\r\nbetter\r\n`;
  const text = `UID REPLACE ${uid} ${pick(random, mailboxes)} {${message.length}+}\r\n${message}`;
  await runOnMessages(client, text);
};

const anyUid = (client: BelievingClient, random: Random): number =>
  anyMessage(client, random)?.known.uid ?? 1;

const uidStore: Step = async (client, random) => {
  const item = pick(random, ["FLAGS", "+FLAGS", "-FLAGS"]);
  const flags = `(${pick(random, flagNames)})`;
  assert.match(await client.run(`UID STORE ${anyUid(client, random)} ${item} ${flags}`), / OK /);
};

const uidCopy: Step = async (client, random) => {
  const text = `UID COPY ${anyUid(client, random)} ${pick(random, mailboxes)}`;
  assert.match(await client.run(text), / OK /);
};

const uidMove: Step = async (client, random) => {
  const [from, to] = [anyUid(client, random), anyUid(client, random)];
  const text = `UID MOVE ${from}:${to} ${pick(random, mailboxes)}`;
  assert.match(await client.run(text), / OK /);
};

/** Of a client that knows no numbers (RFC 9586). */
export const uidSteps: readonly Step[] = [
  ...Array(5).fill(append),
  ...Array(5).fill(uidStore),
  ...Array(3).fill(uidFetch),
  uidCopy,
  uidMove,
  uidExpunge,
  replaceOne,
  keepSearch,
  fetchSaved,
  idle,
  idle,
  ...["NOOP", "NOOP", "EXPUNGE", "UID SEARCH DELETED", "UID SEARCH ALL"].map(command),
];

export const steps: readonly Step[] = [
  ...Array(5).fill(append),
  ...Array(5).fill(storeFlags),
  ...Array(3).fill(fetchRange),
  uidFetch,
  searchUid,
  copyOne,
  moveRange,
  uidExpunge,
  selectAnother,
  replaceOne,
  keepSearch,
  fetchSaved,
  idle,
  idle,
  ...["NOOP", "NOOP", "EXPUNGE", "SEARCH DELETED", "UID SEARCH ALL", "CHECK"].map(command),
];

/** What the client believes, against what is there. */
export async function compare(client: BelievingClient): Promise<void> {
  assert.match(await client.run("NOOP"), / OK /);
  const believed = client.messages.map((message) => ({ ...message }));
  const fetch = client.isUidOnly ? "UID FETCH 1:* FLAGS" : "FETCH 1:* (UID FLAGS)";
  assert.match(await client.run(fetch), / OK /);
  assert.equal(client.messages.length, believed.length);
  for (const [index, { uid, flags }] of believed.entries()) {
    // Without numbers those whose UID was not known are nowhere among the others.
    const truth = client.isUidOnly
      ? client.messages.find((message) => message.uid === uid)
      : client.messages[index];
    if (uid === undefined && client.isUidOnly) continue;
    if (uid !== undefined) assert.equal(uid, truth?.uid);
    if (flags !== undefined) assert.deepEqual([...flags].sort(), [...(truth?.flags ?? [])].sort());
  }
  if (client.context === undefined) return;
  const kept = [...client.context.uids].sort((one, other) => one - other);
  const found = await client.uidSearch(`UID SEARCH ${client.context.key}`);
  assert.deepEqual(kept, found, "what became of the search");
}
