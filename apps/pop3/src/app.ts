import type { AppContext, RunningApp } from "@posthouse/service";
import { type ServedParts, serveSessions } from "@posthouse/session";
import { limits } from "./limits.ts";
import { LoginDelay } from "./login-delay.ts";
import { errorLine, refused } from "./reply.ts";
import type { Services } from "./services.ts";
import { Pop3Session } from "./session.ts";
import { uidlFormat } from "./uidl-format.ts";

/** Serves POP3 on the listeners of `[pop3]`. */
export async function start(context: AppContext, parts: ServedParts = {}): Promise<RunningApp> {
  const { listeners, uidlFormat: format, loginDelaySeconds } = context.config.pop3;
  return await serveSessions<Services>(context, {
    name: "pop3",
    title: "POP3",
    listeners,
    limits,
    parts,
    servicesOf: (opened) => ({
      ...context,
      ...opened,
      uidlFormat: uidlFormat(format),
      loginDelay: new LoginDelay(loginDelaySeconds),
    }),
    open: (connection, services, options) => new Pop3Session(connection, services, options),
    refusal: errorLine(refused("Too many connections, try again later", "SYS/TEMP")),
  });
}
