import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { Account } from "@posthouse/accounts";
import { type MailStore, StoreError, type Uid } from "@posthouse/mailbox-store";
import { type NewMail, parseDatagram } from "./datagram.ts";
import { linesOf } from "./lines.ts";
import { terminalsOf, uidOf, writeTo } from "./terminals.ts";

export interface ComsatOptions {
  readonly port: number;
  /** Which account a Unix user has: [[comsat.users]]. */
  readonly accountOf: (user: string) => Promise<Account | undefined>;
  readonly openStore: () => Promise<MailStore>;
  readonly complain: (error: unknown) => void;
}

/** Datagrams that wait for their turn; more are dropped, as the network drops them. */
const waitingMax = 100;
/** Octets of a message that are read for its first lines. */
const headBytesMax = 16 * 1024;

/**
 * Hears on loopback of new mail, `user@uid`, and prints it on the terminals of a user who has said `biff y`. The mail is
 * read only when there is such a terminal. Whoever sends a datagram can have no more printed than mail of that user.
 */
export class Comsat implements AsyncDisposable {
  readonly #options: ComsatOptions;
  readonly #socket: Socket;
  readonly #waiting: NewMail[] = [];
  #work: Promise<void> | undefined;
  #store: Promise<MailStore> | undefined;

  private constructor(options: ComsatOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    socket.on("message", (octets) => this.#take(octets));
    socket.on("error", options.complain);
  }

  /** Rejects when the port is another program's. */
  static async open(options: ComsatOptions): Promise<Comsat> {
    const socket = createSocket("udp4");
    socket.bind(options.port, "127.0.0.1");
    await once(socket, "listening");
    return new Comsat(options, socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#waiting.length = 0;
    this.#socket.close();
    await this.#work;
    await (await this.#store?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }

  #take(octets: Buffer): void {
    const mail = parseDatagram(octets);
    if (mail === undefined || this.#waiting.length >= waitingMax) return;
    this.#waiting.push(mail);
    this.#work ??= this.#workOff().finally(() => {
      this.#work = undefined;
    });
  }

  async #workOff(): Promise<void> {
    for (let mail = this.#waiting.shift(); mail !== undefined; mail = this.#waiting.shift()) {
      try {
        await this.#print(mail);
      } catch (error) {
        this.#options.complain(error);
      }
    }
  }

  async #print(mail: NewMail): Promise<void> {
    const uid = await uidOf(mail.user);
    const terminals = uid === undefined ? [] : await terminalsOf(uid);
    if (terminals.length === 0) return;
    const account = await this.#options.accountOf(mail.user);
    if (account === undefined) return;
    const head = await this.#headOf(account, mail);
    const lines = linesOf(head, { address: account.address, mailbox: mail.mailbox });
    for (const terminal of terminals) writeTo(terminal, lines);
  }

  /** Nothing of a message that is gone by now. */
  async #headOf(account: Account, { mailbox: name, uid }: NewMail): Promise<Buffer> {
    this.#store ??= this.#options.openStore();
    const store = await this.#store;
    try {
      await using mail = await store.openAccount(account);
      await using mailbox = await mail.openMailbox(name, { readOnly: true });
      await using message = await mailbox.openMessage(uid as Uid);
      const end = Math.min(headBytesMax, message.sizeBytes);
      return Buffer.concat(await Array.fromAsync(message.read(0, end)));
    } catch (error) {
      if (error instanceof StoreError && error.code !== "unavailable") return Buffer.alloc(0);
      throw error;
    }
  }
}
