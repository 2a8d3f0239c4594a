import { runApp } from "@posthouse/service";
import { start } from "../src/app.ts";
import { TestAuth } from "./imap-server.ts";

/** The app with apps/auth played by TestAuth, and a worker from its second connection on. */
runApp("imap", (context) => start(context, { auth: new TestAuth() }), {
  workers: () => ({ processesMax: 2, connectionsEach: 1 }),
});
