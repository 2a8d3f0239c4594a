import { withMailbox } from "./faulty-store.ts";
import { startTestServer } from "./test-server.ts";

/** A POP3 server in a process of its own, to be killed: three messages, and where it can be reached. */
const [crashAt = ""] = process.argv.slice(2);
const server = await startTestServer({
  messages: ["Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n", "Subject: 3\r\n\r\n"],
  ...(crashAt.startsWith("X") && { crashAt }),
  wrapStore: (store) =>
    withMailbox(store, {
      async expunge(mailbox, uids) {
        await mailbox.expunge(uids);
        if (crashAt === "U3") process.kill(process.pid, "SIGKILL");
      },
    }),
});
process.send?.({
  port: server.port("pop3"),
  directory: server.directory,
  mailDirectory: server.mailDirectory,
});
