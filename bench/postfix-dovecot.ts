import { chmod, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../e2e/free-port.ts";
import { startPostfix } from "../e2e/postfix.ts";
import { startDovecot } from "./dovecot.ts";
import { accounts, DOMAIN, type MailServer } from "./mail-server.ts";
import { descendantsOf } from "./process-tree.ts";

/**
 * Debian's Postfix and Dovecot as one mail server, in a directory of their own: Postfix takes mail on a
 * port of loopback, queues it and hands it to Dovecot's LMTP, which writes Maildirs. Postfix always
 * fsyncs its queue; Dovecot runs with `mail_fsync = optimized`, its default, which fsyncs deliveries.
 * Needs root, as Postfix does.
 */
export async function startPostfixDovecot(base: string): Promise<MailServer> {
  const directory = await mkdtemp(join(base, "bench-postfix-"));
  await chmod(directory, 0o755);
  const smtpPort = await freePort();
  const dovecot = await startDovecot(join(directory, "dovecot"));
  const postfix = await startPostfix({
    directory: join(directory, "postfix"),
    address: "127.0.0.1",
    port: smtpPort,
    settings: postfixSettings(dovecot.lmtpSocket),
  });
  return {
    name: "Postfix with Dovecot",
    smtpPort,
    maildirOf: (account) => dovecot.maildirOf(account),
    async pids() {
      return [...(await descendantsOf(dovecot.pid)), ...(await descendantsOf(await postfix.pid()))];
    },
    async [Symbol.asyncDispose]() {
      await postfix.stop();
      await dovecot.stop();
    },
  };
}

const postfixSettings = (lmtpSocket: string): string => `
myhostname = mx.${DOMAIN}
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = ${DOMAIN}
virtual_mailbox_maps = inline:{${accounts.map((account) => `{${account}@${DOMAIN}=x}`).join(" ")}}
virtual_transport = lmtp:unix:${lmtpSocket}
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
`;
