import { DOMAIN } from "../mail-server.ts";
import { ImapConnection } from "./imap-connection.ts";
import { MadeMail, randomNumbers } from "./made-mail.ts";
import { mixedAccounts, mixedMessages } from "./prepare-mail.ts";

const made = new MadeMail();
const messages = Array.from({ length: 50 }, () => made.next().octets);

export interface MixedLoad {
  readonly connections: number;
  readonly seconds: number;
}

/** One account after the other, so that passwords are known: what a storm of logins takes is another question. */
export async function logInOnce(port: number): Promise<void> {
  for (const account of mixedAccounts) {
    const client = await ImapConnection.logIn(port, `${account}@${DOMAIN}`);
    await client.logOut();
  }
}

/** Commands a second that were answered with OK. Connections go round the accounts. */
export async function mixedRate(port: number, load: MixedLoad): Promise<number> {
  const accounts = mixedAccounts.slice(0, load.connections);
  const endMs = performance.now() + load.seconds * 1000;
  let commands = 0;
  const client = async (number: number) => {
    const random = randomNumbers(number);
    const user = `${accounts[number % accounts.length]}@${DOMAIN}`;
    while (performance.now() < endMs) {
      for await (const _done of visit(port, user, random)) {
        if (performance.now() < endMs) commands += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: load.connections }, (_, number) => client(number)));
  return commands / load.seconds;
}

/**
 * One visit of a mail client, 50 commands: it logs in, looks for mailboxes and new flags, shows a list, reads,
 * files and answers a few messages, deletes one, and waits. Yields after each command.
 */
async function* visit(port: number, user: string, random: () => number): AsyncGenerator<void> {
  const below = (bound: number) => Math.floor(random() * bound);
  const uid = () => 1 + below(mixedMessages);
  const message = () => messages[below(messages.length)] as Buffer;
  const client = await ImapConnection.open(port);
  const last = mixedMessages;

  yield void (await client.command(`LOGIN ${user} bench-password`));
  yield void (await client.command('LIST "" "*"'));
  yield void (await client.command("STATUS Archive (MESSAGES UIDNEXT UNSEEN)"));
  yield void (await client.command("SELECT INBOX"));
  yield void (await client.command("UID FETCH 1:* (FLAGS)"));
  yield void (await client.command(
    `UID FETCH ${last - 49}:${last} (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)`,
  ));
  for (let read = 0; read < 8; read += 1) {
    const one = uid();
    yield void (await client.command(`UID FETCH ${one} (UID FLAGS ENVELOPE BODYSTRUCTURE)`));
    yield void (await client.command(`UID FETCH ${one} (BODY.PEEK[])`));
    yield void (await client.command(`UID STORE ${one} ${below(2) ? "+" : "-"}FLAGS (\\Seen)`));
  }
  const start = 1 + below(last - 20);
  yield void (await client.command(
    `UID FETCH ${start}:${start + 19} (FLAGS BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])`,
  ));
  for (let part = 0; part < 3; part += 1) {
    yield void (await client.command(`UID FETCH ${uid()} (BODY.PEEK[1])`));
  }
  for (let filed = 0; filed < 2; filed += 1) {
    yield void (await client.command(`UID COPY ${uid()} Archive`));
    yield void (await client.append("Sent", message()));
    yield void (await client.command("NOOP"));
  }
  const answer = await client.append("INBOX", message());
  const [, appended = "0"] = /APPENDUID \d+ (\d+)/.exec(answer) ?? [];
  yield;
  yield void (await client.command(`UID FETCH ${appended} (UID FLAGS ENVELOPE)`));
  yield void (await client.command(`UID STORE ${appended} +FLAGS (\\Deleted)`));
  yield void (await client.command(`UID EXPUNGE ${appended}`));
  await client.idle();
  yield;
  yield void (await client.command("CLOSE"));
  await client.logOut();
  yield;
}
