import { styleText } from "node:util";
import type { BoundAddress } from "@posthouse/service";
import { localAccounts, localPassword } from "./local-config.ts";
import type { LocalPeople } from "./local-people.ts";

const NAMED_MAX = 10;

/** What `posthouse local` prints when everything serves: how to connect, and how to send a first message. */
export function localBanner(
  addresses: readonly BoundAddress[],
  {
    dataDir,
    people,
    isSending,
  }: { readonly dataDir: string; readonly people: LocalPeople; readonly isSending: boolean },
): string {
  const portOf = (name: string) =>
    addresses.find((one) => one.name === name && one.port !== undefined)?.port ?? "?";
  const bold = (text: string) => (process.stdout.isTTY ? styleText("bold", text) : text);
  return `
${bold("Posthouse is ready.")} ${whoIsHere(people)}
${bold("Thunderbird")}: add a mail account with one of them, choose "Configure manually", and enter

  Incoming   IMAP   127.0.0.1   port ${portOf("imaps")}   SSL/TLS      normal password   user name: the whole address
  Outgoing   SMTP   127.0.0.1   port ${portOf("submissions")}   SSL/TLS      normal password   user name: the whole address

  Accept the certificate when asked: it was made here, and is kept for the next start.
  STARTTLS serves too: IMAP ${portOf("imap")}, SMTP ${portOf("submission")}. POP3 is on ${portOf("pop3s")} (SSL/TLS) and ${portOf("pop3")}, filters
  are edited on ${portOf("managesieve")} (ManageSieve); mail from outside comes in on ${portOf("smtp")}, LMTP on ${portOf("lmtp")}.

${areBothHere(people) ? firstMessage(bold("A first message"), portOf) : ""}Mail and settings are in ${dataDir}
${isSending ? "Mail to other domains is sent." : "Mail to other domains stays in the queue, since this is for trying; --send sends it."}
Ctrl-C stops everything.

`;
}

/** The password of who was there before may be another one by now. */
function whoIsHere({ addresses, areNew }: LocalPeople): string {
  if (addresses.length === 0) return "Nobody has mail here yet; posthouse account add makes one.\n";
  const [alice, bob] = localAccounts;
  if (areNew) {
    return `Two people have their mail here:

  ${alice}   password  ${localPassword}
  ${bob}     password  ${localPassword}
`;
  }
  const lines = addresses.slice(0, NAMED_MAX);
  const more = addresses.length - lines.length;
  if (more > 0) lines.push(`and ${more} more`);
  const password = areBothHere({ addresses, areNew })
    ? `\nThe password of ${alice} and ${bob} is ${localPassword}, unless it was changed.\n`
    : "";
  return `Who has mail here:\n\n${lines.map((line) => `  ${line}\n`).join("")}${password}`;
}

const areBothHere = ({ addresses }: LocalPeople): boolean =>
  localAccounts.every((local) => addresses.includes(local));

function firstMessage(title: string, portOf: (name: string) => number | string): string {
  const [alice, bob] = localAccounts;
  return `${title}, without any mail program:

  printf 'From: ${bob}\\nTo: ${alice}\\nSubject: Hello\\n\\nIt works.\\n' |
    curl --url smtp://127.0.0.1:${portOf("submission")} --ssl-reqd --insecure --user ${bob}:${localPassword} \\
      --mail-from ${bob} --mail-rcpt ${alice} --crlf --upload-file -

  curl --url 'imaps://127.0.0.1:${portOf("imaps")}/INBOX;MAILINDEX=1' --insecure --user ${alice}:${localPassword}

`;
}
