import type { Socket } from "node:net";
import { ConnectionCounts, runApp, SessionServer } from "@posthouse/service";

/** Says who serves; then answers lines: "hold KEY", of which there may be two, "reloads", and anything else as it is. */
runApp(
  "pop3",
  async ({ log, metrics, processes, config }) => {
    const held = processes?.counts("held", 2) ?? new ConnectionCounts(2);
    const lines = metrics.counter("test_lines_total", "Lines that were answered");
    let reloads = 0;
    async function answer(line: string): Promise<string> {
      lines.inc();
      const [word, key = ""] = line.split(" ");
      if (word === "hold") return (await held.take(key)) === undefined ? "no" : "held";
      return word === "reloads" ? String(reloads) : line;
    }
    const server = new SessionServer({
      name: "echo",
      listeners: config.imap.listeners,
      connectionsMax: 100,
      closeMsMax: 100,
      log,
      processes,
      onCount: () => {},
      open: (socket) => session(socket, answer),
      refuse: (socket) => void socket.destroy(),
    });
    await server.listen();
    return {
      addresses: server.addresses,
      close: () => server.close(),
      problems: () => [`Line of process ${process.pid}`],
      reload: async () => {
        reloads += 1;
        process.stdout.write(`reloaded ${process.pid}\n`);
      },
    };
  },
  { workers: () => ({ processesMax: 2, connectionsEach: 1 }) },
);

function session(socket: Socket, answer: (line: string) => Promise<string>) {
  socket.write(`${process.pid}\n`);
  let answered = Promise.resolve();
  socket.on("data", (octets: Buffer) => {
    const line = octets.toString("latin1").trim();
    answered = answered.then(async () => void socket.write(`${await answer(line)}\n`));
  });
  socket.on("end", () => void answered.then(() => socket.end()));
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  return {
    run: () => closed,
    close: () => void socket.end("bye\n"),
    destroy: () => void socket.destroy(),
  };
}
