import type { Server } from "node:net";
import type { BoundAddress } from "../listen.ts";
import type { SharedCounts } from "./connection-counts.ts";

/**
 * The processes that serve one app together, as one of them sees them.
 *
 * The parent is the app as it always was: it binds, and serves. When it has much to do it starts workers, and
 * each new connection goes to whoever has the fewest. A worker is the same program, and is handed its connections.
 *
 *   client ──▶ parent ── serves it
 *                 └── the connection itself, over the IPC channel ──▶ worker ── serves it
 *
 * Not a listening socket that all have: the kernel gives most of its connections to one of them, and a
 * connection of IMAP lasts for hours. Not SO_REUSEPORT: an old instance would silently take half the mail.
 */
export interface AppProcesses {
  /** Not the parent, which alone binds sockets. */
  readonly isWorker: boolean;
  /**
   * Binds `server` and shares its connections among the processes; in a worker, has it serve those that it is
   * handed. To be called in the same order in each, when all who listen for "connection" do. The server has to have
   * been made with `pauseOnConnect`.
   *
   * @returns where it is bound; a worker binds nothing
   */
  serve(server: Server, bind: () => Promise<BoundAddress>): Promise<BoundAddress | undefined>;
  /** One count by that name for all processes. */
  counts(name: string, max: number): SharedCounts;
  /** What makes a TLS session of one process known to the others. */
  readonly ticketKeys: Buffer;
}
