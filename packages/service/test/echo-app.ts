import { createServer } from "node:net";
import { listen, runApp } from "@posthouse/service";

runApp("pop3", async () => {
  const server = createServer((socket) => socket.pipe(socket));
  const address = await listen("echo", server, { address: "127.0.0.1", port: 0 });
  return {
    addresses: [address],
    close: async () => void server.close(),
    drain: { msMax: 60_000, close: () => new Promise(() => {}) },
  };
});
