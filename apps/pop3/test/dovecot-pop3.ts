import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { isAnswered } from "@posthouse/service";

/** Debian's Dovecot, serving one Maildir by POP3 to whoever logs in, as its default configuration does. */
export async function startDovecot(
  directory: string,
  maildir: string,
): Promise<AsyncDisposable & { readonly socketPath: string }> {
  const conf = join(directory, "dovecot.conf");
  await writeFile(
    conf,
    `
base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/dovecot.log
ssl = no
disable_plaintext_auth = no
protocols = pop3
mail_location = maildir:${maildir}
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=mail gid=mail home=${directory} allow_all_users=yes
}
service pop3-login {
  inet_listener pop3 {
    port = 0
  }
  inet_listener pop3s {
    port = 0
  }
  unix_listener pop3 {
    mode = 0666
  }
}
`,
  );
  const child = spawn("dovecot", ["-F", "-c", conf], { stdio: "inherit" });
  const socketPath = join(directory, "run", "pop3");
  while (!(await isAnswered(socketPath))) await wait(10);
  return {
    socketPath,
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}
