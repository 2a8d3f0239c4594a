import { anyState, defineCommand } from "../command.ts";
import { bad } from "../response.ts";
import type { CommandReader } from "../syntax/command-reader.ts";

/** RFC 2971 §3.3: at most 30 pairs, names of 30 octets, values of 1024. */
const PAIRS_MAX = 30;

/** ID: RFC 2971. No version: it helps only those who look for an old one. */
export const id = defineCommand({
  name: "ID",
  states: anyState,
  capability: "ID",
  expunges: "tell",
  run(_state, args, session) {
    const { output, services, connection } = session;
    args.sp();
    const client = readIdParameters(args);
    args.end();

    session.clientName = client.find(([name]) => name.toLowerCase() === "name")?.[1];
    const { remoteAddress } = connection;
    services.log.debug({ client: Object.fromEntries(client), remoteAddress }, "The client's ID");
    output.untagged('ID ("name" "Posthouse")');
    return { text: "ID completed" };
  },
});

function readIdParameters(args: CommandReader): [string, string][] {
  if (args.peek() !== "(") {
    if (!args.take("NIL")) throw args.expected('"(" or NIL');
    return [];
  }
  return args.parenthesised(
    (): [string, string] => {
      const name = args.string();
      args.sp();
      const value = args.nstring() ?? "";
      if (name.length > 30 || value.length > 1024) throw bad("An ID field is too long");
      return [name, value];
    },
    { max: PAIRS_MAX },
  );
}
