import { bad } from "@posthouse/session";
import { authorization, defineCommand } from "../command.ts";

/**
 * STLS: RFC 2595 §4. What came behind it in the clear is dropped, and so is a user name: somebody on
 * the way may have put it there.
 */
export const stls = defineCommand({
  name: "STLS",
  states: authorization,
  run(_state, args, { connection, services, isUtf8 }) {
    args.end();
    // RFC 6856 §2.1: a client must not, and who is on the way may have said it.
    if (isUtf8) throw bad("STLS comes before UTF8");
    if (connection.isEncrypted) throw bad("Command not permitted when TLS active");
    return {
      text: "Begin TLS negotiation",
      state: { name: "authorization" },
      afterwards: () => connection.startTls(services.tls.options()),
    };
  },
});
