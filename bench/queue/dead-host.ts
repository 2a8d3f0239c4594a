import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Its backlog is full, so that the kernel answers no SYN: as a host behind a firewall that drops them. */
const PROGRAM = `
import socket, sys, time
listening = socket.socket()
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listening.bind((sys.argv[1], int(sys.argv[2])))
listening.listen(0)
print("listening", flush=True)
time.sleep(100000)
`;

/** A host that does not answer connections at this address. */
export async function startDeadHost(address: string, port: number): Promise<AsyncDisposable> {
  const child = spawn("/usr/bin/python3", ["-c", PROGRAM, address, `${port}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const fillers: Socket[] = Array.from({ length: 8 }, () => connect(port, address));
  for (const socket of fillers) socket.on("error", () => undefined);
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of fillers) socket.destroy();
      child.kill();
      await once(child, "exit");
    },
  };
}
