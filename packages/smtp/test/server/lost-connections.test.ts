import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { testServer } from "./test-server.ts";

const beginnings = {
  DATA: "DATA\r\nSubject: half\r\n",
  "DATA with its dot but without the last LF": "DATA\r\nSubject: half\r\n.\r",
  "a BDAT chunk": "BDAT 100 LAST\r\nSubject: half\r\n",
  "BDAT, between two chunks": "BDAT 4\r\nab\r\n",
};

for (const [name, beginning] of Object.entries(beginnings)) {
  for (const way of ["closes", "resets"] as const) {
    test(`a client that ${way} in the middle of ${name} has sent no message`, async () => {
      await using server = await testServer();
      const ended = server.nextEnd();
      const socket = connect(server.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write(`EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\n${beginning}`);
      await heard(socket, name.startsWith("DATA") ? "354" : "Recipient ok");
      if (way === "closes") socket.end();
      else socket.resetAndDestroy();
      await ended;
      assert.deepEqual(server.failures, ["ConnectionLost"]);
      assert.deepEqual(server.received, []);
      socket.destroy();
    });
  }
}

async function heard(socket: ReturnType<typeof connect>, words: string): Promise<void> {
  let said = "";
  while (!said.includes(words)) said += String((await once(socket, "data"))[0]);
}
