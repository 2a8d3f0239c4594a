import { writeSync } from "node:fs";
import {
  type AccountMail,
  StoreError,
  type SystemFlag,
  systemFlagBits,
  type Uid,
} from "@posthouse/mailbox-store";
import {
  accounts,
  lookAt,
  numberedMessage,
  openStore,
  type SeenMessage,
  type StoreEvent,
  type StoreOrder,
} from "./store-traffic.ts";

/**
 * A process that works on a store until it is killed, or ORDERS orders are done, and says on its standard
 * output what it asks for and what is done: store-worker.ts DIRECTORY SEED ACTORS FIRST-NUMBER [ORDERS]
 *
 * Each actor works on messages of its own, one order after the other, so that what must be is known.
 */
const [, , directory = "", seed, actors, firstNumber, orders] = process.argv;
const store = await openStore(directory);
const mails: AccountMail[] = [];
for (const ref of accounts) mails.push(await store.openAccount(ref));
const seen = await lookAt(store);

const mailboxNames = ["INBOX", "Archive", "Sent", "Trash"];
const flagNames = Object.keys(systemFlagBits) as SystemFlag[];
let lastNumber = Number(firstNumber);
let ordersLeft = Number(orders ?? Number.POSITIVE_INFINITY);
let randomState = Number(seed) >>> 0;

function random(below: number): number {
  randomState = (Math.imul(randomState, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((randomState / 2 ** 32) * below);
}

function any<Item>(items: readonly Item[]): Item {
  return items[random(items.length)] as Item;
}

async function act(actor: number, owned: Map<string, SeenMessage>): Promise<void> {
  while (ordersLeft > 0) {
    ordersLeft -= 1;
    const order = nextOrder(owned);
    say({ actor, start: order });
    const { uids, uidValidity } = await obey(order);
    say({ actor, done: uids, uidValidity });
    remember(owned, order, uids);
  }
}

/** At once, so that what is said is out before the next thing happens. */
function say(event: StoreEvent): void {
  writeSync(1, `${JSON.stringify(event)}\n`);
}

function nextOrder(owned: ReadonlyMap<string, SeenMessage>): StoreOrder {
  const message = owned.size === 0 ? undefined : any([...owned.values()]);
  const kind = random(12);
  // About sixty messages an actor: as many go as come.
  if (message === undefined || kind < 3 || (owned.size < 60 && kind < 6)) {
    const account = random(accounts.length);
    const mailbox = any(mailboxNames);
    if (kind === 0 && random(20) === 0) {
      return { do: "create", account, mailbox: `Made/${++lastNumber}` };
    }
    const count = kind === 1 ? 3 : 1;
    const numbers = Array.from({ length: count }, () => ++lastNumber);
    return { do: count === 1 ? "deliver" : "append", account, mailbox, numbers };
  }
  const { account, mailbox, uid } = message;
  if (kind < 7) return { do: "flag", account, mailbox, uid, flags: anyFlags() };
  if (kind < 8) return { do: "copy", account, mailbox, uid, to: any(mailboxNames) };
  if (kind < 10) return { do: "move", account, mailbox, uid, to: any(mailboxNames) };
  return { do: "expunge", account, mailbox, uid };
}

/** Forty keywords: some have letters in file names, some do not. */
function anyFlags(): string {
  const flags = flagNames.filter(() => random(3) === 0) as string[];
  if (random(2) === 0) flags.push(`key${random(40)}`);
  return flags.sort().join(" ");
}

async function obey(order: StoreOrder) {
  const mail = mails[order.account] as AccountMail;
  if (order.do === "create") {
    await mail.createMailbox(order.mailbox);
    return { uids: [], uidValidity: 0 };
  }
  if (order.do === "deliver") {
    const number = order.numbers[0] ?? 0;
    return mail.deliver(order.mailbox, requestOf(number), `delivery ${number}`);
  }
  if ("numbers" in order) return mail.append(order.mailbox, order.numbers.map(requestOf));
  return obeyInMailbox(mail, order);
}

async function obeyInMailbox(
  mail: AccountMail,
  order: Extract<StoreOrder, { readonly uid: number }>,
) {
  await using mailbox = await mail.openMailbox(order.mailbox);
  const uids = [order.uid as Uid];
  if (random(4) === 0) await mailbox.claimRecent();
  if (order.do === "expunge") await mailbox.expunge(uids);
  else if (order.do === "flag") {
    const all = order.flags.split(" ").filter((flag) => flag !== "");
    const systemFlags = flagNames.filter((flag) => all.includes(flag));
    const keywords = all.filter((flag) => !flag.startsWith("\\"));
    await mailbox.changeFlags(uids, { mode: "replace", systemFlags, keywords });
  } else {
    const copied = await (order.do === "copy"
      ? mailbox.copy(uids, order.to)
      : mailbox.move(uids, order.to));
    return { uids: copied.targetUids, uidValidity: copied.uidValidity };
  }
  return { uids: [], uidValidity: 0 };
}

function requestOf(number: number) {
  const octets = numberedMessage(number);
  const middle = Math.floor(octets.length / 2);
  return { octets: [octets.subarray(0, middle), octets.subarray(middle)] };
}

function remember(
  owned: Map<string, SeenMessage>,
  order: StoreOrder,
  uids: readonly number[],
): void {
  const { account } = order;
  if (order.do === "expunge" || order.do === "move") owned.delete(placeOf(order));
  const to = "to" in order ? order.to : order.mailbox;
  for (const uid of uids) {
    const message = { account, mailbox: to, uidValidity: 0, uid, number: 0, flags: "" };
    owned.set(placeOf(message), message);
  }
}

function placeOf(at: { readonly account: number; readonly mailbox: string; readonly uid: number }) {
  return `${at.account} ${at.mailbox} ${at.uid}`;
}

try {
  await Promise.all(
    Array.from({ length: Number(actors) }, (_one, actor) => {
      const owned = seen.messages.filter((_message, at) => at % Number(actors) === actor);
      return act(actor, new Map(owned.map((message) => [placeOf(message), message])));
    }),
  );
} catch (error) {
  // The disk is gone, as it is meant to be: nothing more is acknowledged.
  if (!(error instanceof StoreError)) throw error;
}
process.exit(0);
