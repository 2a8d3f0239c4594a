import { openScriptStore, type ScriptStore } from "@posthouse/mailbox-store";
import type { AppContext, RunningApp } from "@posthouse/service";
import { type ServedParts, serveSessions } from "@posthouse/session";
import { ScriptChecker } from "@posthouse/sieve/check";
import { AccountSessions } from "./account-sessions.ts";
import { limits } from "./limits.ts";
import { formatResponse } from "./response.ts";
import type { Services } from "./services.ts";
import { ManageSieveSession } from "./session.ts";

/** Parts that a test, or a process that holds several apps, gives instead of the usual ones. */
export interface Parts extends ServedParts {
  readonly scripts?: ScriptStore;
}

/** Serves ManageSieve on the listeners of `[managesieve]`. */
export async function start(context: AppContext, parts: Parts = {}): Promise<RunningApp> {
  const { config } = context;
  const checker = new ScriptChecker();
  const app = await serveSessions<Services>(context, {
    name: "managesieve",
    title: "ManageSieve",
    listeners: config.managesieve.listeners,
    limits,
    parts,
    servicesOf: (opened) => ({
      ...context,
      ...opened,
      scripts: parts.scripts ?? openScriptStore({ mailDirectory: config.paths.mail }),
      sessions: new AccountSessions(),
      checker,
    }),
    open: (connection, services, options) => new ManageSieveSession(connection, services, options),
    refusal: formatResponse("BYE", {
      code: "TRYLATER",
      text: "Too many connections, try again later",
    }),
  });
  return {
    ...app,
    async close() {
      await app.close();
      await checker[Symbol.asyncDispose]();
    },
  };
}
