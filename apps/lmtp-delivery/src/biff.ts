import { createSocket, type Socket } from "node:dgram";
import type { Account } from "@posthouse/accounts";
import type { Config } from "@posthouse/service";

/**
 * Tells comsat of new mail: `user@uid`, one datagram to UDP port 512 of this host, for accounts that are a Unix
 * user's. Nobody hears whether it came, and mail does not wait for it.
 */
export class Biff implements AsyncDisposable {
  readonly #users: ReadonlyMap<string, readonly string[]>;
  readonly #port: number;
  #socket: Socket | undefined;

  constructor({ users, port }: Config["comsat"]) {
    const byAccount = Map.groupBy(users, ({ account }) => account.toLowerCase());
    this.#users = new Map(
      [...byAccount].map(([account, rows]) => [account, rows.map(({ user }) => user)]),
    );
    this.#port = port;
  }

  delivered({ address }: Account, mailbox: string, uid: number | undefined): void {
    const users = this.#users.get(address);
    if (users === undefined || uid === undefined) return;
    this.#socket ??= openSocket();
    // Behind the colon as procmail has it: where, if not in the usual place.
    const where = mailbox === "INBOX" ? "" : `:${mailbox}`;
    for (const user of users) {
      this.#socket.send(`${user}@${uid}${where}`, this.#port, "127.0.0.1", () => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}

function openSocket(): Socket {
  const socket = createSocket("udp4").on("error", () => {});
  socket.unref();
  return socket;
}
