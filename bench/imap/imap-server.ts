import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "@posthouse/test-tools";
import { eventually } from "../../e2e/eventually.ts";
import { startSuite } from "../../e2e/suite.ts";
import { type DovecotFsync, startDovecot } from "../dovecot.ts";

/** One of the two, over mail that has been prepared in a directory. */
export interface ImapServer extends AsyncDisposable {
  readonly name: "Posthouse" | "Dovecot";
  /** The column that its numbers stand in. */
  readonly column: Column;
  readonly port: number;
}

export const columns = ["Posthouse", "Dovecot", "Dovecot, always"] as const;
export type Column = (typeof columns)[number];

/** Where prepareMail() has put what each of them serves. */
export interface PreparedDirectories {
  readonly posthouse: string;
  readonly dovecot: string;
}

export const directoriesIn = (base: string): PreparedDirectories => ({
  posthouse: join(base, "posthouse"),
  dovecot: join(base, "dovecot"),
});

export async function startPosthouseImap(base: string): Promise<ImapServer> {
  const { posthouse: directory } = directoriesIn(base);
  const suite = await startSuite({ directory, env: { POSTHOUSE_LOG_FORMAT: "json" } });
  return {
    name: "Posthouse",
    column: "Posthouse",
    port: suite.portOf("imap"),
    async [Symbol.asyncDispose]() {
      await suite.stop();
    },
  };
}

export async function startDovecotImap(
  base: string,
  fsync: DovecotFsync = "optimized",
): Promise<ImapServer> {
  const port = await freePort();
  const dovecot = await startDovecot(directoriesIn(base).dovecot, { imapPort: port, fsync });
  await eventually("Dovecot takes IMAP clients", async () => {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "data");
    socket.destroy();
    return true;
  });
  return {
    name: "Dovecot",
    column: fsync === "always" ? "Dovecot, always" : "Dovecot",
    port,
    async [Symbol.asyncDispose]() {
      await dovecot.stop();
    },
  };
}
