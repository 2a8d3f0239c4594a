import { defineCommand } from "../command.ts";
import { MessageSearch } from "../search/message-search.ts";
import { readSearchProgram } from "../syntax/search-keys.ts";

/** SEARCH: RFC 3501 §6.4.4, response §7.2.5. */
export const search = defineSearch({ name: "SEARCH", isUid: false });
/** UID SEARCH: RFC 3501 §6.4.8. */
export const uidSearch = defineSearch({ name: "UID SEARCH", isUid: true });

function defineSearch({ name, isUid }: { readonly name: string; readonly isUid: boolean }) {
  return defineCommand({
    name,
    states: ["selected"],
    expunges: isUid ? "tell" : "hold",
    async run({ selected }, args, { output }) {
      args.sp();
      const key = readSearchProgram(args);
      args.end();

      const found = await new MessageSearch(selected, output).find(key);
      output.write("* SEARCH");
      for (const [index, uid] of found.entries()) {
        output.write(` ${isUid ? uid : selected.view.sequenceOf(uid)}`);
        if (index % 256 === 0) await output.pace();
      }
      output.write("\r\n");
      return { text: `${name} completed` };
    },
  });
}
