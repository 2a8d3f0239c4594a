import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./program.ts";

/** Of the package cyrus-common, but for the IMAP server, which cannot be installed beside Dovecot's. */
const programs = "/usr/lib/cyrus/bin";
export const cyrusImapd = "/usr/local/lib/posthouse-test/cyrus-imapd";

/** Debian's Cyrus with IMAP for one user, in a directory of its own. It has all mailboxes below INBOX, with dots. */
export async function startCyrus(
  directory: string,
  options: { readonly port: number; readonly user: string; readonly password: string },
): Promise<{ stop(): Promise<void> }> {
  await chmod(directory, 0o755);
  for (const name of ["lib", "spool"]) await mkdir(join(directory, name));
  const conf = join(directory, "imapd.conf");
  const sasldb = join(directory, "sasldb2");
  await writeFile(
    conf,
    `configdirectory: ${directory}/lib
partition-default: ${directory}/spool
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: ${sasldb}
sasl_mech_list: PLAIN
allowplaintext: yes
autocreate_quota: 0
unixhierarchysep: no
altnamespace: no
servername: localhost
defaultdomain: localhost
lmtpsocket: ${directory}/lib/lmtp
idlesocket: ${directory}/lib/idle
notifysocket: ${directory}/lib/notify
`,
  );
  const services = join(directory, "cyrus.conf");
  await writeFile(
    services,
    `START {
  recover cmd="${programs}/ctl_cyrusdb -r -C ${conf}"
}
SERVICES {
  imap cmd="${cyrusImapd} -C ${conf}" listen="127.0.0.1:${options.port}" prefork=0
}
EVENTS {
}
`,
  );
  await run("saslpasswd2", ["-p", "-c", "-f", sasldb, "-u", "localhost", options.user], {
    input: `${options.password}\n`,
  });
  await run("chown", ["-R", "cyrus:mail", directory]);
  const args = ["-C", conf, "-M", services, "-p", join(directory, "master.pid")];
  const child = spawn(join(programs, "master"), args, { stdio: "ignore" });
  return {
    async stop() {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}
