import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { eventually } from "../e2e/eventually.ts";
import { freePort } from "../e2e/free-port.ts";
import { idsOf, startPostfix } from "../e2e/postfix.ts";
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
    maildirOf: dovecot.maildirOf,
    async pids() {
      return [...(await descendantsOf(dovecot.pid)), ...(await descendantsOf(await postfix.pid()))];
    },
    async [Symbol.asyncDispose]() {
      await postfix.stop();
      await dovecot.stop();
    },
  };
}

async function startDovecot(directory: string) {
  await mkdir(join(directory, "mail"), { recursive: true });
  const [uid, gid] = await idsOf("mail");
  await chown(join(directory, "mail"), uid, gid);
  const conf = join(directory, "dovecot.conf");
  await writeFile(
    conf,
    `
base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/dovecot.log
ssl = no
protocols = lmtp
mail_location = maildir:${directory}/mail/%d/%n
mail_uid = ${uid}
mail_gid = ${gid}
first_valid_uid = 1
mail_fsync = optimized
auth_username_format = %Lu
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=${uid} gid=${gid} home=${directory}/mail/%d/%n allow_all_users=yes
}
service lmtp {
  process_min_avail = 2
  unix_listener lmtp {
    mode = 0666
  }
}
`,
  );
  const child = spawn("dovecot", ["-F", "-c", conf], { stdio: "inherit" });
  const lmtpSocket = join(directory, "run", "lmtp");
  await reachable(lmtpSocket);
  return {
    lmtpSocket,
    pid: child.pid ?? 0,
    maildirOf: (account: string) => join(directory, "mail", DOMAIN, account),
    async stop() {
      child.kill("SIGTERM");
      await once(child, "exit");
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

const reachable = (path: string) =>
  eventually(`somebody answers on ${path}`, async () => {
    const socket = connect({ path });
    await once(socket, "connect");
    socket.destroy();
    return true;
  });
