import { defineCommand } from "../compile/definition.ts";
import { limits } from "../limits.ts";
import { isNotifyMethod } from "../notify-method.ts";
import { truncate } from "../run/variables.ts";
import { readFcc } from "./destination.ts";

/** notify: RFC 5435 §3. It does not touch the implicit keep (§7). */
export const notify = defineCommand({
  name: "notify",
  extension: "enotify",
  compile(args) {
    const from = args.taggedText("from");
    const importance = args.taggedConstant("importance") ?? "2";
    if (!/^[123]$/.test(importance)) throw args.problem(':importance is "1", "2" or "3"');
    const options = args.taggedTexts("options");
    const message = args.taggedText("message");
    const fcc = readFcc(args);
    const method = args.text("a URI");
    args.end();
    return (execution) => {
      const uri = method.in(execution);
      if (!isNotifyMethod(uri, execution.surroundings)) {
        throw execution.error(`"${truncate(uri, 100)}" cannot be notified`);
      }
      const notifications = execution.actions.filter(({ kind }) => kind === "notify");
      if (notifications.length >= limits.notificationsMax) {
        throw execution.error(`more than ${limits.notificationsMax} notifications`);
      }
      const copy = fcc(execution);
      const text =
        message?.in(execution) ??
        defaultMessage(execution.message.values("from"), execution.message.values("subject"));
      execution.act(
        {
          kind: "notify",
          ...execution.place,
          method: uri,
          message: truncate(text, limits.reasonCharactersMax),
          hasMessage: message !== undefined,
          importance: importance === "1" ? 1 : importance === "3" ? 3 : 2,
          options: options?.in(execution) ?? [],
          ...(from !== undefined && { from: from.in(execution) }),
          ...(copy !== undefined && { fcc: copy }),
        },
        false,
      );
      execution.tell(`notifies ${uri}`);
      return undefined;
    };
  },
});

/** RFC 5435 §3.6: the sender and the subject. */
const defaultMessage = (from: readonly string[], subject: readonly string[]): string =>
  `${from[0] ?? ""}: ${subject[0] ?? ""}`;
