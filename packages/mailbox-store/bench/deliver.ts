import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openMailStore } from "../src/index.ts";

/** Durable deliveries a second: node bench/deliver.ts [messages] [streams] [accounts] [octets] */
const [messages = 5_000, streams = 20, accounts = 1, octets = 4_096] = process.argv
  .slice(2)
  .map(Number);

const header = `From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: A message\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <ID@example.org>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n`;
const line = `${"All work and no play makes Jack a dull boy. ".repeat(2).slice(0, 76)}\r\n`;
const body = line.repeat(Math.ceil((octets - header.length) / line.length));

const directory = mkdtempSync(join(tmpdir(), "mailbox-store-bench-"));
const store = await openMailStore({
  mailDirectory: directory,
  messageBytesMax: 2 ** 26,
  host: "mx.example.org",
  writerThreadsMax: Number(process.env.THREADS ?? 1),
});
const opened = await Promise.all(
  Array.from({ length: accounts }, (_one, at) =>
    store.openAccount({ id: `${at}`, address: `user${at}@example.org` }),
  ),
);

let sent = 0;
const cpuBefore = process.cpuUsage();
const startMs = performance.now();
await Promise.all(
  Array.from({ length: streams }, async () => {
    while (sent < messages) {
      const number = sent++;
      const message = Buffer.from(header.replace("ID", String(number)) + body).subarray(0, octets);
      await opened[number % accounts]?.deliver(
        "INBOX",
        { octets: [message] },
        `delivery ${number}`,
      );
    }
  }),
);
const seconds = (performance.now() - startMs) / 1000;
const cpu = process.cpuUsage(cpuBefore);
console.log(
  `${messages} messages of ${octets} octets over ${streams} streams into ${accounts} accounts: ` +
    `${Math.round(messages / seconds)}/s, ` +
    `${Math.round((cpu.user + cpu.system) / messages)} us of processor each`,
);
await store[Symbol.asyncDispose]();
rmSync(directory, { recursive: true });
