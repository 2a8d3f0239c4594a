import { defineCommand, loggedIn } from "../command.ts";
import { bad } from "../response.ts";

/**
 * COMPRESS: RFC 4978 §3. Only behind a login, so that nobody unknown has us expand anything. Our TLS
 * compresses nothing (RFC 8446 has no compression), so there is no layer to clash with.
 */
export const compress = defineCommand({
  name: "COMPRESS",
  states: loggedIn,
  capability: "COMPRESS=DEFLATE",
  expunges: "tell",
  run(_state, args, { connection }) {
    args.sp();
    const algorithm = args.keyword();
    args.end();
    if (algorithm !== "DEFLATE") throw bad(`Unknown compression ${algorithm.slice(0, 40)}`);
    if (connection.isCompressed) throw bad("Compression is active already");
    return {
      text: "DEFLATE active",
      afterwards: async () => connection.startCompression(),
    };
  },
});
