import { defineCommand } from "../command.ts";
import { bad } from "../response.ts";

/** STARTTLS: RFC 3501 §6.2.1. What came behind it in the clear is dropped, RFC 9051 §11.1. */
export const startTls = defineCommand({
  name: "STARTTLS",
  states: ["not-authenticated"],
  expunges: "hold",
  run(_state, args, { connection, services, wantsClientCertificate }) {
    args.end();
    if (connection.isEncrypted) throw bad("TLS is active already");
    return {
      text: "Begin TLS negotiation now",
      afterwards: () =>
        connection.startTls(services.tls.options({ clientCertificate: wantsClientCertificate })),
    };
  },
});
