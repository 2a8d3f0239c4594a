import { connect as connectTcp, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { ClientServer } from "@posthouse/client-settings";
import type { Finding } from "../checks/finding.ts";
import { inWords, isAboutCertificate } from "./fetch-as-client.ts";
import { CLIENT_TEST_LIMITS as limits } from "./limits.ts";

export interface Login {
  readonly address: string;
  readonly password: string;
  /** Instead of what the DNS says. */
  readonly reachAddress?: string;
  /** Beside the authorities that everybody trusts. */
  readonly ca?: string;
}

/** What is said, and how the answer has to begin, until one who is not logged in has become one who is. */
interface Protocol {
  readonly greeting: RegExp;
  readonly startTls: readonly (readonly [string, RegExp])[];
  readonly logIn: (login: Login) => readonly (readonly [string, RegExp])[];
  readonly leave: string;
}

const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;

const protocols: Record<ClientServer["protocol"], Protocol> = {
  imap: {
    greeting: /^\* OK/,
    startTls: [["a STARTTLS", /^a OK/]],
    logIn: ({ address, password }) => [[`b LOGIN ${quoted(address)} ${quoted(password)}`, /^b OK/]],
    leave: "c LOGOUT",
  },
  pop3: {
    greeting: /^\+OK/,
    startTls: [["STLS", /^\+OK/]],
    logIn: ({ address, password }) => [
      [`USER ${address}`, /^\+OK/],
      [`PASS ${password}`, /^\+OK/],
    ],
    leave: "QUIT",
  },
  smtp: {
    greeting: /^220 /,
    startTls: [
      ["EHLO client.invalid", /^250 /],
      ["STARTTLS", /^220 /],
    ],
    logIn: ({ address, password }) => [
      ["EHLO client.invalid", /^250 /],
      [`AUTH PLAIN ${Buffer.from(`\0${address}\0${password}`).toString("base64")}`, /^235 /],
    ],
    leave: "QUIT",
  },
};

/** Logs in to each server as a mail program does, and leaves. */
export async function testLogins(
  servers: readonly ClientServer[],
  login: Login,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const server of servers) findings.push(await testLogin(server, login));
  return findings;
}

async function testLogin(server: ClientServer, login: Login): Promise<Finding> {
  const { protocol, host, port, tls } = server;
  const id = `client login ${protocol} ${port}`;
  const where = `${protocol.toUpperCase()} at ${host} port ${port}`;
  const { greeting, startTls, logIn, leave } = protocols[protocol];
  const reached = { host: login.reachAddress ?? host, port };
  const trusting = { servername: host, ...(login.ca !== undefined && { ca: login.ca }) };
  let socket: Socket | undefined;
  try {
    socket =
      tls === "implicit" ? await secured({ ...reached, ...trusting }) : await opened(reached);
    await answerTo(socket, undefined, greeting);
    if (tls === "starttls") {
      for (const [command, answer] of startTls) await answerTo(socket, command, answer);
      socket = await secured({ socket, ...trusting });
    }
    for (const [command, answer] of logIn(login)) await answerTo(socket, command, answer);
    socket.write(`${leave}\r\n`);
    return { id, state: "good", says: `${where} (${tls}): ${login.address} is logged in` };
  } catch (error) {
    return { id, state: "bad", ...failureOf(error as NodeJS.ErrnoException, where, host) };
  } finally {
    socket?.destroy();
  }
}

/** The server said something else than it had to. */
class Refused extends Error {
  override readonly name = "Refused";
}

function failureOf(error: NodeJS.ErrnoException, where: string, host: string) {
  if (error instanceof Refused) {
    return {
      says: `${where}: ${error.message}`,
      fix: 'Look whether the password is right, the account is not disabled ("posthouse account list"), and nobody is banned ("posthouse ban list")',
    };
  }
  const says = `${where}: ${inWords(error)}`;
  if (isAboutCertificate(error)) {
    return {
      says,
      fix: `Get a certificate for ${host}: [acme] in the configuration, and "posthouse tls status"`,
    };
  }
  return {
    says,
    fix: `Look at "posthouse health", and let the port be reached through the firewall`,
  };
}

function opened(where: { readonly host: string; readonly port: number }): Promise<Socket> {
  return settled(connectTcp(where), "connect");
}

function secured(options: ConnectionOptions): Promise<Socket> {
  return settled(connectTls(options), "secureConnect");
}

function settled(socket: Socket, event: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(limits.answerMsMax, () =>
      socket.destroy(new Error("nobody answered in time")),
    );
    socket.once("error", reject);
    socket.once(event, () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/** Says it, and reads lines up to the one that ends the answer: untagged ones and "250-" come before. */
function answerTo(socket: Socket, command: string | undefined, wanted: RegExp): Promise<void> {
  if (command !== undefined) socket.write(`${command}\r\n`);
  return new Promise((resolve, reject) => {
    let text = "";
    const done = (error?: Error) => {
      socket.off("data", take).off("error", done).off("close", gone);
      if (error === undefined) resolve();
      else reject(error);
    };
    const gone = () => done(new Refused("the connection was closed"));
    const take = (octets: Buffer) => {
      text += octets.toString("latin1");
      const lines = text.split("\r\n");
      text = lines.pop() ?? "";
      const last = lines.find((line) => wanted.test(line) || isRefusal(line));
      if (last !== undefined) done(wanted.test(last) ? undefined : new Refused(`"${last}"`));
      else if (text.length > limits.lineBytesMax) done(new Refused("a line has no end"));
    };
    socket.on("data", take).on("error", done).on("close", gone);
  });
}

const isRefusal = (line: string): boolean =>
  /^(?:[ab] (?:NO|BAD)|\* BYE|-ERR|[45]\d\d[ -])/.test(line);
