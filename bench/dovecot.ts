import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { eventually } from "../e2e/eventually.ts";
import { idsOf } from "../e2e/postfix.ts";
import { DOMAIN } from "./mail-server.ts";

/** Debian's Dovecot with LMTP, and IMAP where it is asked for, over Maildirs, in a directory of its own. */
export interface Dovecot {
  readonly lmtpSocket: string;
  /** For logins in Postfix. */
  readonly authSocket: string;
  /** For doveadm. */
  readonly conf: string;
  readonly pid: number;
  maildirOf(account: string): string;
  stop(): Promise<void>;
}

/**
 * `mail_fsync = optimized`, its default, fsyncs deliveries. With "always" it also calls fdatasync(2) on the log of a
 * mailbox after each transaction, so that a STORE is on disk before its OK: in the log, not yet as a name.
 */
export type DovecotFsync = "optimized" | "always";

/** Any password is right. */
export async function startDovecot(
  directory: string,
  options: {
    readonly imapPort?: number;
    readonly hibernateSeconds?: number;
    readonly fsync?: DovecotFsync;
    readonly pop3Port?: number;
    /** A script that Pigeonhole runs for everybody; it lies beside what sievec made of it. */
    readonly sieveScript?: string;
  } = {},
): Promise<Dovecot> {
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
protocols = lmtp${options.imapPort === undefined ? "" : " imap"}${options.pop3Port === undefined ? "" : " pop3"}
mail_location = maildir:${directory}/mail/%d/%n
mail_uid = ${uid}
mail_gid = ${gid}
first_valid_uid = 1
mail_fsync = ${options.fsync ?? "optimized"}
auth_username_format = %Lu
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=${uid} gid=${gid} home=${directory}/mail/%d/%n allow_all_users=yes
}
service auth {
  unix_listener auth-postfix {
    mode = 0666
  }
}
service lmtp {
  process_min_avail = 2
  unix_listener lmtp {
    mode = 0666
  }
}
${options.imapPort === undefined ? "" : imapSettings(options.imapPort)}
${options.pop3Port === undefined ? "" : pop3Settings(options.pop3Port)}
${options.sieveScript === undefined ? "" : sieveSettings(options.sieveScript)}
${options.hibernateSeconds === undefined ? "" : idleSettings(options.hibernateSeconds)}
`,
  );
  const child = spawn("dovecot", ["-F", "-c", conf], { stdio: "inherit" });
  const lmtpSocket = join(directory, "run", "lmtp");
  await reachable(lmtpSocket);
  return {
    lmtpSocket,
    authSocket: join(directory, "run", "auth-postfix"),
    conf,
    pid: child.pid ?? 0,
    maildirOf: (account: string) => join(directory, "mail", DOMAIN, account),
    async stop() {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

/** For as many clients as come; how long each idles before its process is given up, 0 for never. */
const idleSettings = (hibernateSeconds: number): string => `
imap_hibernate_timeout = ${hibernateSeconds}s
default_process_limit = 5000
default_client_limit = 15000
service imap {
  process_limit = 5000
  unix_listener imap-master {
    mode = 0666
  }
}
service imap-hibernate {
  unix_listener imap-hibernate {
    mode = 0666
  }
}
`;

/** Logins as its documentation advises for busy servers; memory for mailboxes of 100,000 messages. */
const imapSettings = (port: number): string => `
disable_plaintext_auth = no
mail_max_userip_connections = 1000
service imap-login {
  service_count = 0
  process_min_avail = 2
  inet_listener imaps {
    port = 0
  }
  inet_listener imap {
    address = 127.0.0.1
    port = ${port}
  }
}
service imap {
  vsz_limit = 2G
}
`;

const pop3Settings = (port: number): string => `
disable_plaintext_auth = no
service pop3-login {
  service_count = 0
  process_min_avail = 2
  inet_listener pop3s {
    port = 0
  }
  inet_listener pop3 {
    address = 127.0.0.1
    port = ${port}
  }
}
service pop3 {
  vsz_limit = 2G
}
`;

const sieveSettings = (script: string): string => `
protocol lmtp {
  mail_plugins = $mail_plugins sieve
}
plugin {
  sieve = file:${script}
}
`;

const reachable = (path: string) =>
  eventually(`somebody answers on ${path}`, async () => {
    const socket = connect({ path });
    await once(socket, "connect");
    socket.destroy();
    return true;
  });
