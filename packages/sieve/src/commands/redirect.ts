import { PathError, parseMailbox } from "@posthouse/message";
import { defineCommand } from "../compile/definition.ts";
import { limits } from "../limits.ts";

/** redirect: RFC 5228 §4.2; :copy of RFC 3894. */
export const redirect = defineCommand({
  name: "redirect",
  compile(args) {
    const isCopy = args.flag("copy", "copy");
    const isList = args.flag("list", "extlists");
    const notify = args.taggedText("notify", "redirect-dsn");
    const ret = args.taggedText("ret", "redirect-dsn");
    const to = args.text("an address");
    args.end();
    if (to.constant !== undefined && !isList && !isAddress(to.constant)) {
      throw args.problem(`"${to.constant}" is no address`);
    }
    return (execution) => {
      const address = to.in(execution);
      if (!isList && !isAddress(address)) throw execution.error(`"${address}" is no address`);
      const redirects = execution.actions.filter(({ kind }) => kind === "redirect");
      if (redirects.length >= limits.redirectsMax) {
        throw execution.error(`more than ${limits.redirectsMax} redirects`);
      }
      execution.act(
        {
          kind: "redirect",
          ...execution.place,
          address,
          isList,
          pieces: execution.message.pieces(),
          ...(notify !== undefined && { notify: notify.in(execution) }),
          ...(ret !== undefined && { ret: ret.in(execution) }),
        },
        !isCopy,
      );
      execution.tell(`sends ${isCopy ? "a copy" : "the message"} on to ${address}`);
      return undefined;
    };
  },
});

/** RFC 5228 §2.4.2.3: an address as it stands in an envelope; not a name, not a group. */
export function isAddress(text: string): boolean {
  try {
    return parseMailbox(text, { smtpUtf8: true }).domain !== "";
  } catch (error) {
    if (error instanceof PathError) return false;
    throw error;
  }
}
