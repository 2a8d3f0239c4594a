import { styleText } from "node:util";
import type { BoundAddress } from "@posthouse/service";
import { localAccounts, localPassword } from "./local-config.ts";

/** What `posthouse local` prints when everything serves: how to connect, and how to send a first message. */
export function localBanner(
  addresses: readonly BoundAddress[],
  { dataDir, isSending }: { readonly dataDir: string; readonly isSending: boolean },
): string {
  const portOf = (name: string) =>
    addresses.find((one) => one.name === name && one.port !== undefined)?.port ?? "?";
  const [alice, bob] = localAccounts;
  const bold = (text: string) => (process.stdout.isTTY ? styleText("bold", text) : text);
  return `
${bold("Posthouse is ready.")} Two people have their mail here:

  ${alice}   password  ${localPassword}
  ${bob}     password  ${localPassword}

${bold("Thunderbird")}: add a mail account with one of them, choose "Configure manually", and enter

  Incoming   IMAP   127.0.0.1   port ${portOf("imaps")}   SSL/TLS      normal password   user name: the whole address
  Outgoing   SMTP   127.0.0.1   port ${portOf("submissions")}   SSL/TLS      normal password   user name: the whole address

  Accept the certificate when asked: it was made here, and is kept for the next start.
  STARTTLS serves too: IMAP ${portOf("imap")}, SMTP ${portOf("submission")}. POP3 is on ${portOf("pop3s")} (SSL/TLS) and ${portOf("pop3")}, filters
  are edited on ${portOf("managesieve")} (ManageSieve); mail from outside comes in on ${portOf("smtp")}, LMTP on ${portOf("lmtp")}.

${bold("A first message")}, without any mail program:

  printf 'From: ${bob}\\nTo: ${alice}\\nSubject: Hello\\n\\nIt works.\\n' |
    curl --url smtp://127.0.0.1:${portOf("submission")} --ssl-reqd --insecure --user ${bob}:${localPassword} \\
      --mail-from ${bob} --mail-rcpt ${alice} --crlf --upload-file -

  curl --url 'imaps://127.0.0.1:${portOf("imaps")}/INBOX;MAILINDEX=1' --insecure --user ${alice}:${localPassword}

Mail and settings are in ${dataDir}
${isSending ? "Mail to other domains is sent." : "Mail to other domains stays in the queue, since this is for trying; --send sends it."}
Ctrl-C stops everything.

`;
}
