import { TEST_TOML } from "@posthouse/service";
import { startImapServer } from "./imap-server.ts";

/** The app in a process of its own, over the mail of another one: server-app.ts DIRECTORY */
const [, , directory = ""] = process.argv;
const server = await startImapServer({ toml: TEST_TOML.replaceAll("{directory}", directory) });
process.on("disconnect", () => void server[Symbol.asyncDispose]());
process.send?.(server.port);
