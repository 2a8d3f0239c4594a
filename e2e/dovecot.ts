import { chmod, mkdir, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { run } from "./program.ts";

/** How a Dovecot shows and lays out the mail of its one user. */
export interface DovecotOptions {
  /** Where its configuration and run-time files are. */
  readonly home: string;
  readonly maildir: string;
  /** Of the files there; Maildir where it is not said. */
  readonly format?: "maildir" | "mbox";
  readonly separator?: "." | "/";
  readonly prefix?: string;
  /** What follows the path in mail_location, such as `:LAYOUT=fs`. */
  readonly location?: string;
}

/** Dovecot's IMAP server without a login, over a pipe: its own code on its own files, without its daemon. */
export class Dovecot {
  readonly maildir: string;
  readonly #home: string;
  readonly #configuration: string;
  readonly #user: string;

  private constructor(options: DovecotOptions, user: string) {
    this.maildir = options.maildir;
    this.#home = options.home;
    this.#configuration = join(options.home, "dovecot.conf");
    this.#user = user;
  }

  static async prepare(options: DovecotOptions): Promise<Dovecot> {
    // It opens no mail as root.
    const user = process.getuid?.() === 0 ? "mail" : userInfo().username;
    const dovecot = new Dovecot(options, user);
    await mkdir(options.home, { recursive: true });
    await chmod(options.home, 0o755);
    await writeFile(
      dovecot.#configuration,
      [
        `base_dir = ${options.home}`,
        "log_path = /dev/stderr",
        "ssl = no",
        `mail_location = ${options.format ?? "maildir"}:${options.maildir}${options.location ?? ""}`,
        `mail_home = ${options.home}`,
        `mail_uid = ${user}`,
        `mail_gid = ${user === "mail" ? "mail" : userInfo().gid}`,
        "first_valid_uid = 0",
        "first_valid_gid = 0",
        "namespace inbox {",
        "inbox = yes",
        `separator = ${options.separator ?? "."}`,
        `prefix = ${options.prefix ?? ""}`,
        "}",
        "",
      ].join("\n"),
    );
    await dovecot.takeFiles();
    return dovecot;
  }

  /** Gives its user what the test, as root, or another server has written. */
  async takeFiles(): Promise<void> {
    if (process.getuid?.() !== 0) return;
    for (const path of [this.#home, this.maildir]) {
      await run("chown", ["-R", `${this.#user}:${this.#user}`, path]);
    }
  }

  /** For a shell, as mbsync's Tunnel. Started by root it does not write to a socket: hence the pipe. */
  get command(): string {
    return `USER=${this.#user} HOME=${this.#home} doveadm -c ${this.#configuration} exec imap | cat`;
  }

  /** Sends commands, and gives everything it said. */
  async imap(...commands: string[]): Promise<string> {
    const lines = commands.map((command, at) => `a${at} ${command}\r\n`);
    const input = `${lines.join("")}z LOGOUT\r\n`;
    const { stdout, stderr } = await run("sh", ["-c", this.command], { input });
    if (/^a\d+ (NO|BAD)/m.test(stdout) || !/^z OK/m.test(stdout)) {
      throw new Error(`Dovecot said: ${stdout}${stderr}`);
    }
    return stdout;
  }
}

/** APPEND with a literal that is sent at once. */
export function appendCommand(
  mailbox: string,
  flags: string,
  date: string,
  subject: string,
): string {
  const message = `From: ann@example.org\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@example.org>\r\n\r\nText of ${subject}\r\n`;
  return `APPEND "${mailbox}" (${flags}) "${date}" {${message.length}+}\r\n${message}`;
}
