import { createServer } from "node:net";
import { type AppContext, type BoundAddress, listen, runApps } from "@posthouse/service";

/** Says what happens to each; whoever sends something to the second meets an error that nobody foresaw. */
runApps("pair", {
  flags: ["loud"],
  open: async ({ log, flags }) => ({
    rows: [
      [{ name: "auth", start: (context) => app(context, () => {}) }],
      [{ name: "pop3", start: (context) => app(context, fail) }],
    ],
    onReady: () => log.info(flags.has("loud") ? "READY" : "ready"),
    close: async () => log.info("closed"),
  }),
});

function fail(): never {
  throw new Error("The floor gave way");
}

async function app({ log }: AppContext, hear: () => void) {
  const server = createServer((socket) => socket.on("data", hear));
  const address: BoundAddress = await listen("echo", server, { address: "127.0.0.1", port: 0 });
  return {
    addresses: [address],
    reload: async () => log.info("reloaded"),
    close: async () => {
      server.close();
      log.info("ended");
    },
  };
}
