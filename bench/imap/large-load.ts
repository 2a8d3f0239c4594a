import { DOMAIN } from "../mail-server.ts";
import { ImapConnection } from "./imap-connection.ts";
import type { ImapServer } from "./imap-server.ts";
import { words } from "./made-mail.ts";
import { largeAccount, type Prepared } from "./prepare-mail.ts";

/** Commands on the large mailbox, by what they are called in the results. */
export const largeCommands: Record<string, string> = {
  "UID FETCH 1:* (FLAGS)": "UID FETCH 1:* (FLAGS)",
  "UID FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)":
    "UID FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)",
  "FETCH 1:1000 BODY[]": "FETCH 1:1000 BODY[]",
  "SORT (ARRIVAL)": "SORT (ARRIVAL) UTF-8 ALL",
  "SORT (REVERSE DATE)": "SORT (REVERSE DATE) UTF-8 ALL",
  "SORT (SUBJECT)": "SORT (SUBJECT) UTF-8 ALL",
  "SORT (FROM SIZE)": "SORT (FROM SIZE) UTF-8 ALL",
  "THREAD REFERENCES": "THREAD REFERENCES UTF-8 ALL",
  "THREAD REFS": "THREAD REFS UTF-8 ALL",
};

export const searchCommands: Record<string, string> = {
  "SEARCH TEXT, in 0.02 %": `SEARCH TEXT ${words.rare}`,
  "SEARCH BODY, in 0.02 %": `SEARCH BODY ${words.rare}`,
  "SEARCH TEXT, in 1 %": `SEARCH TEXT ${words.percent}`,
  "SEARCH BODY, in 1 %": `SEARCH BODY ${words.percent}`,
  "SEARCH TEXT, in all": `SEARCH TEXT ${words.every}`,
  "SEARCH BODY, in all": `SEARCH BODY ${words.every}`,
  "SEARCH TEXT, one character": "SEARCH TEXT x",
  "SEARCH BODY, two characters": "SEARCH BODY qu",
};

/** ms of one command. */
export type Timings = Record<string, number>;

/** A server that runs for days has run its code before: so many times are not counted, and the median of as many is. */
const REPEATS = 10;

/** As a server that has just begun opens the mailbox, and as one that has it open. */
export async function timeSelects(server: ImapServer, prepared: Prepared): Promise<Timings> {
  const user = `${largeAccount}@${DOMAIN}`;
  const first = await ImapConnection.logIn(server.port, user);
  const cold = await timed(() => first.command("SELECT INBOX"));
  const warmMs: number[] = [];
  const resyncMs: number[] = [];
  const { uidValidity, modSeq } = prepared.known[server.name];
  for (let time = 0; time < 2 * REPEATS; time += 1) {
    const again = await ImapConnection.logIn(server.port, user);
    warmMs.push(await timed(() => again.command("SELECT INBOX")));
    await again.logOut();
    const back = await ImapConnection.logIn(server.port, user);
    await back.command("ENABLE QRESYNC");
    const resync = `SELECT INBOX (QRESYNC (${uidValidity} ${modSeq}))`;
    resyncMs.push(await timed(() => back.command(resync)));
    await back.logOut();
  }
  await first.logOut();
  return {
    "SELECT, server just begun": cold,
    "SELECT, open elsewhere": median(warmMs.slice(REPEATS)),
    "SELECT (QRESYNC): 2,000 flags, 500 expunged": median(resyncMs.slice(REPEATS)),
  };
}

/** Each on a connection of its own: warmed up, or as the first time. */
export async function timeCommands(
  server: ImapServer,
  commands: Record<string, string>,
  options: { readonly isWarmedUp: boolean },
): Promise<Timings> {
  const timings: Timings = {};
  for (const [name, command] of Object.entries(commands)) {
    const connection = await ImapConnection.logIn(server.port, `${largeAccount}@${DOMAIN}`);
    await connection.command("SELECT INBOX");
    const ms: number[] = [];
    const times = options.isWarmedUp ? 2 * REPEATS : 1;
    for (let time = 0; time < times; time += 1) {
      ms.push(await timed(() => connection.command(command)));
    }
    timings[name] = median(options.isWarmedUp ? ms.slice(REPEATS) : ms);
    await connection.logOut();
  }
  return timings;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
