import { spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Identity {
  readonly key: string;
  /** With the authority behind it. */
  readonly cert: string;
  /** SHA-256 of its public key, for TLSA records. */
  readonly spki256: string;
}

export interface Authority extends Disposable {
  readonly cert: string;
  readonly spki256: string;
  issue(...names: string[]): Identity;
}

/** An authority that nobody knows, made by openssl. */
export function makeAuthority(): Authority {
  const directory = mkdtempSync(join(tmpdir(), "posthouse-ca-"));
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync("openssl", args, { cwd: directory, encoding: "utf8" });
    if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "2",
    "-subj",
    "/CN=Test authority",
  );
  const read = (name: string) => readFileSync(join(directory, name), "utf8");
  let serial = 1;
  return {
    cert: read("ca.pem"),
    spki256: spki256Of(read("ca.pem")),
    issue(...names) {
      const name = `host-${serial}`;
      openssl(
        "req",
        ...newKey,
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.csr`,
        "-subj",
        "/CN=host",
      );
      writeFileSync(
        join(directory, `${name}.ext`),
        `subjectAltName=${names.map((one) => `DNS:${one}`).join(",")}\n`,
      );
      openssl(
        "x509",
        "-req",
        "-in",
        `${name}.csr`,
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-set_serial",
        `${serial}`,
        "-days",
        "2",
        "-extfile",
        `${name}.ext`,
        "-out",
        `${name}.pem`,
      );
      serial += 1;
      const cert = read(`${name}.pem`);
      return {
        key: read(`${name}.key`),
        cert: `${cert}${read("ca.pem")}`,
        spki256: spki256Of(cert),
      };
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

const spki256Of = (pem: string): string =>
  createHash("sha256")
    .update(new X509Certificate(pem).publicKey.export({ format: "der", type: "spki" }))
    .digest("hex");
