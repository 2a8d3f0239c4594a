import { bad } from "@posthouse/session";
import { defineCommand, notAuthenticated } from "../command.ts";

/**
 * STARTTLS: RFC 5804 §2.2. What came behind it in the clear is dropped: somebody on the way may have
 * put it there. The capabilities come again once TLS stands.
 */
export const starttls = defineCommand({
  name: "STARTTLS",
  states: notAuthenticated,
  run(_state, args, { connection, services }) {
    args.end();
    if (connection.isEncrypted) throw bad("TLS is active already");
    return {
      text: "Begin TLS negotiation",
      afterwards: () => connection.startTls(services.tls.options()),
    };
  },
});
