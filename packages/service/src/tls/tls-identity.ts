import { X509Certificate } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { createSecureContext, type SecureContext, type TlsOptions } from "node:tls";
import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config-error.ts";
import {
  type CertificateInUse,
  certificateInUse,
  furtherCertificates,
  selfMadeCertificateFile,
} from "./certificate-in-use.ts";
import { makeSelfSignedCertificate } from "./self-signed-certificate.ts";

/** How often the files of another tool (certbot and the like) are looked at. */
const LOOK_MS = 60_000;
/** A self-made certificate is only ever a stand-in; clients that remember it should not have to ask again. */
const SELF_SIGNED_DAYS = 3650;

/** The certificates of this host, as they are now: ask at each handshake, never keep the answer. */
export interface TlsIdentity {
  /** For the name that a client asks for (SNI, RFC 6066 §3); for any other, and for none, the host's own. */
  context(serverName?: string): SecureContext;
  /** For tls.createServer() and for STARTTLS: the context is looked up at each handshake. */
  options(asked?: { readonly clientCertificate: boolean }): TlsOptions;
  /** Reads the files again; true when they changed. The old certificate stays when the new one is broken. @throws ConfigError */
  reload(): boolean;
  /** Called after a reload that changed something. */
  onChange(listener: () => void): void;
  close(): void;
}

type TlsConfig = Pick<Config, "hostname" | "paths" | "tls" | "acme">;

/**
 * Loads `tls.certificate_file` and `tls.key_file`; or, with `[acme]`, what apps/http got from the ACME
 * server; or, where there is neither, a self-made certificate that is kept in the state directory. Beside it
 * those of `[[tls.certificates]]` and `[[acme.certificates]]`, each for the names that it has itself.
 * Files that change or come are read again within a minute, and at once by reload().
 *
 * @param ticketKeys 48 octets that several processes have, so that each resumes the sessions of the others
 * @throws ConfigError
 */
export function loadTls(
  config: TlsConfig,
  complain: (error: unknown) => void = () => {},
  ticketKeys?: Buffer,
): TlsIdentity {
  let current = readInUse(config, complain, ticketKeys);
  let further = new FurtherContexts(config, complain, ticketKeys);
  const listeners: (() => void)[] = [];

  const reload = (): boolean => {
    const files = filesOf(config, certificateInUse(config));
    const isSame = stampOf(files) === current.stamp;
    if (isSame && further.isUpToDate()) return false;
    const nextFurther = new FurtherContexts(config, complain, ticketKeys, further);
    if (!isSame) current = read(files, ticketKeys);
    further = nextFurther;
    for (const listener of listeners) listener();
    return true;
  };
  const timer = setInterval(() => {
    try {
      reload();
    } catch (error) {
      complain(error);
    }
  }, LOOK_MS).unref();

  const context = (serverName?: string): SecureContext =>
    serverName === undefined || matches(current.names, serverName)
      ? current.context
      : (further.of(serverName) ?? current.context);

  return {
    context,
    options: (asked) => ({
      // Asked for, and not demanded: whoever has none may log in as everybody else does.
      ...(asked?.clientCertificate && { requestCert: true, rejectUnauthorized: false }),
      secureContext: current.context,
      // What tls.createServer() takes for clients that send no name; others get the context.
      cert: current.certificate,
      key: current.key,
      SNICallback: (name, done) => done(null, context(name)),
      minVersion: "TLSv1.2",
      honorCipherOrder: true,
    }),
    reload,
    onChange: (listener) => listeners.push(listener),
    close: () => clearInterval(timer),
  };
}

/** A damaged certificate of the ACME server must not keep its successor from being fetched: apps/http serves too. */
function readInUse(
  config: TlsConfig,
  complain: (error: unknown) => void,
  ticketKeys?: Buffer,
): LoadedFiles {
  const inUse = certificateInUse(config);
  if (inUse.source === "self-made") makeSelfSigned(config);
  try {
    return read(filesOf(config, inUse), ticketKeys);
  } catch (error) {
    if (inUse.source !== "acme") throw error;
    complain(error);
    makeSelfSigned(config);
    const certificateFile = selfMadeCertificateFile(config);
    return read(
      filesOf(config, { source: "self-made", certificateFile, keyFile: certificateFile }),
      ticketKeys,
    );
  }
}

interface TlsFiles {
  /** Who signs the certificates of clients. */
  readonly clientAuthority?: string;
  readonly certificate: string;
  readonly key: string;
}

const filesOf = ({ tls }: TlsConfig, { certificateFile, keyFile }: CertificateInUse): TlsFiles => ({
  certificate: certificateFile,
  key: keyFile,
  ...(tls.clientCaFile && { clientAuthority: tls.clientCaFile }),
});

/**
 * Several apps start at once and must show one certificate. link() lets the first to finish win; all,
 * also the winner, then read what is in place. Key and certificate are one file, so no mixture can be seen.
 */
function makeSelfSigned(config: TlsConfig): void {
  const path = selfMadeCertificateFile(config);
  const directory = dirname(path);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    if (isThere(path)) return;
    const names = [...new Set([config.hostname, hostname(), "localhost", "127.0.0.1", "::1"])];
    const made = makeSelfSignedCertificate({
      names,
      notBefore: new Date(Date.now() - 86_400_000),
      days: SELF_SIGNED_DAYS,
    });
    const tmp = `${path}.${process.pid}`;
    writeFileSync(tmp, made.key + made.certificate, { mode: 0o640, flush: true });
    try {
      linkSync(tmp, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    rmSync(tmp, { force: true });
  } catch (cause) {
    throw new ConfigError(
      `Cannot make a certificate in "${directory}": ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Certificates beside the host's own, as they were read once. */
class FurtherContexts {
  readonly #config: TlsConfig;
  readonly #loaded: readonly LoadedFiles[];
  readonly #stamp: string;

  /**
   * One of the ACME server's that is damaged is complained about and left out, since its successor will come; in its
   * place stays what `before` had.
   *
   * @throws ConfigError for one of `[[tls.certificates]]`
   */
  constructor(
    config: TlsConfig,
    complain: (error: unknown) => void,
    ticketKeys?: Buffer,
    before?: FurtherContexts,
  ) {
    this.#config = config;
    this.#stamp = this.#stampNow();
    const loadedBefore = before === undefined ? [] : before.#loaded;
    this.#loaded = furtherCertificates(config).flatMap((inUse) => {
      const files = filesOf(config, inUse);
      const known = loadedBefore.find(({ path }) => path === files.certificate);
      if (known?.stamp === stampOf(files)) return [known];
      try {
        return [read(files, ticketKeys)];
      } catch (error) {
        if (inUse.source !== "acme") throw error;
        complain(error);
        return known === undefined ? [] : [known];
      }
    });
  }

  isUpToDate(): boolean {
    return this.#stampNow() === this.#stamp;
  }

  of(serverName: string): SecureContext | undefined {
    return this.#loaded.find(({ names }) => matches(names, serverName))?.context;
  }

  #stampNow(): string {
    return furtherCertificates(this.#config)
      .map((inUse) => stampOf(filesOf(this.#config, inUse)))
      .join("\n");
  }
}

/** RFC 9525 §6.3: a wildcard stands for one whole label, the first one. */
function matches(names: ReadonlySet<string>, serverName: string): boolean {
  const name = serverName.toLowerCase();
  return names.has(name) || names.has(name.replace(/^[^.]+/, "*"));
}

interface LoadedFiles {
  /** Of the certificate. */
  readonly path: string;
  /** DNS names of the certificate, in lower case. */
  readonly names: ReadonlySet<string>;
  readonly context: SecureContext;
  readonly certificate: string;
  readonly key: string;
  readonly stamp: string;
}

function read(files: TlsFiles, ticketKeys?: Buffer): LoadedFiles {
  const stamp = stampOf(files);
  const certificate = readPem(files.certificate, "tls.certificate_file");
  const key = readPem(files.key, "tls.key_file");
  const ca = files.clientAuthority && readPem(files.clientAuthority, "tls.client_ca_file");
  try {
    return {
      path: files.certificate,
      names: namesOf(certificate),
      certificate,
      key,
      context: createSecureContext({
        cert: certificate,
        key,
        minVersion: "TLSv1.2",
        ...(ticketKeys && { ticketKeys }),
        // Without it OpenSSL refuses to resume the session of a client that showed a certificate.
        ...(ca && { ca, sessionIdContext: "posthouse" }),
      }),
      stamp,
    };
  } catch (cause) {
    throw new ConfigError(
      `Cannot use certificate "${files.certificate}" with key "${files.key}": ${(cause as Error).message}`,
      { cause },
    );
  }
}

function namesOf(pem: string): ReadonlySet<string> {
  const start = Math.max(0, pem.indexOf("-----BEGIN CERTIFICATE-----"));
  const { subjectAltName = "" } = new X509Certificate(pem.slice(start));
  const names = subjectAltName.matchAll(/DNS:([^\s,]+)/g);
  return new Set([...names].map(([, name = ""]) => name.toLowerCase()));
}

function readPem(path: string, key: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigError(`Cannot read "${key}": ${(cause as Error).message}`, { cause });
  }
}

/** Changes whenever either file does. */
function stampOf(files: TlsFiles): string {
  return [files.certificate, files.key, files.clientAuthority ?? files.key]
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return `${path} ${stat === undefined ? "missing" : `${stat.ino} ${stat.mtimeMs} ${stat.size}`}`;
    })
    .join(" ");
}
