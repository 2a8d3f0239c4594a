import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { Agent, get } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { makeSelfSignedCertificate } from "@posthouse/service";
import { freePort } from "@posthouse/test-tools";
import { whereIs } from "./program.ts";

/** Debian's Pebble: Let's Encrypt's ACME server for tests, which really asks at the names. */
export interface Pebble extends AsyncDisposable {
  /** Who signs its certificates, in PEM. */
  readonly root: string;
  /** What it has said so far. */
  readonly log: readonly string[];
}

export interface PebbleOptions {
  /** Its files; and ca.pem, which vouches for its own HTTPS. */
  readonly directory: string;
  /** Where the directory is: https://127.0.0.1:port/dir */
  readonly port: number;
  /** Where it asks with HTTP-01, instead of 80. */
  readonly httpPort: number;
  /** Where it asks with TLS-ALPN-01, instead of 443. */
  readonly tlsPort?: number;
  /** The name server that it believes, on loopback. */
  readonly dnsPort: number;
  /** How long its certificates live. */
  readonly lifeSeconds?: number;
}

/** The certificate of its own HTTPS; an app that is to find it later is given ca.pem before it starts. */
export async function makePebbleFiles(directory: string): Promise<string> {
  const { certificate, key } = makeSelfSignedCertificate({
    names: ["127.0.0.1"],
    notBefore: new Date(Date.now() - 3_600_000),
    days: 30,
  });
  await writeFile(join(directory, "ca.pem"), certificate);
  await writeFile(join(directory, "key.pem"), key);
  return join(directory, "ca.pem");
}

export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const { directory, port, httpPort, dnsPort, tlsPort = 1, lifeSeconds = 90 * 86_400 } = options;
  const managementPort = await freePort();
  const config = join(directory, "pebble.json");
  await writeFile(
    config,
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${managementPort}`,
        certificate: join(directory, "ca.pem"),
        privateKey: join(directory, "key.pem"),
        httpPort,
        tlsPort,
        ocspResponderURL: "",
        externalAccountBindingRequired: false,
        certificateValidityPeriod: lifeSeconds,
      },
    }),
  );
  const args = ["-config", config, "-dnsserver", `127.0.0.1:${dnsPort}`];
  const child = spawn(whereIs("pebble") ?? "pebble", args, {
    stdio: ["ignore", "pipe", "pipe"],
    // It refuses a twentieth of all nonces, as it does by itself, and validates truly, without waiting before.
    env: { ...process.env, PEBBLE_VA_NOSLEEP: "1", PEBBLE_VA_ALWAYS_VALID: "0" },
  });
  const log: string[] = [];
  const ended = once(child, "exit");
  const serves = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        log.push(line);
        if (line.includes("ACME directory available")) resolve();
      });
    }
  });
  await Promise.race([
    serves,
    ended.then(() => {
      throw new Error(`pebble ended:\n${log.join("\n")}`);
    }),
  ]);
  return {
    root: await rootOf(managementPort),
    log,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

async function rootOf(port: number): Promise<string> {
  const url = `https://127.0.0.1:${port}/roots/0`;
  const agent = new Agent({ rejectUnauthorized: false });
  for (let tries = 1; ; tries++) {
    try {
      const [response] = await once(get(url, { agent }), "response");
      let pem = "";
      for await (const piece of response) pem += String(piece);
      return pem;
    } catch (error) {
      // It says that the directory is there before its other port is.
      if (tries === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
