import { bad } from "@posthouse/session";
import { enterAs } from "../authentication.ts";
import { authorization, defineCommand } from "../command.ts";

/**
 * APOP: RFC 1939 §7, where `pop3.apop` is on, for accounts that have a secret for it. It is taken without TLS
 * too, which is what it is for: nobody who listens learns more than the mail itself.
 */
export const apop = defineCommand({
  name: "APOP",
  states: authorization,
  async run(_state, args, session) {
    const { apopTimestamp: timestamp, connection, services } = session;
    if (timestamp === undefined) throw bad("Unknown command");
    const username = args.userName();
    const digest = args.word("a digest").toLowerCase();
    args.end();
    if (!/^[\da-f]{32}$/.test(digest)) throw bad("Expected a digest of 32 hexadecimal digits");
    const { remoteAddress } = connection;
    return await enterAs(session, () =>
      services.auth.authenticateApop({
        username,
        timestamp,
        digest,
        protocol: "pop3",
        remoteAddress,
      }),
    );
  },
});
