import { TEST_TOML } from "@posthouse/service";
import { startImapServer } from "./imap-server.ts";

/** The app in a process of its own, over the mail of another one: server-app.ts DIRECTORY */
const [, , directory = ""] = process.argv;
// With sockets of its own.
const toml = `run_dir = "{directory}/run"\n${TEST_TOML.replaceAll("{directory}", directory)}`;
const server = await startImapServer({ toml });
process.on("disconnect", () => void server[Symbol.asyncDispose]());
process.send?.(server.port);
