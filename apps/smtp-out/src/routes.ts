import { readFileSync } from "node:fs";
import type { Destination } from "@posthouse/queue";
import type { Config } from "@posthouse/service";
import type { SmtpCredentials } from "@posthouse/smtp";
import type { Envelope } from "@posthouse/smtp/envelope";
import type { Gateway } from "./gateway/gateway.ts";
import type { TlsMinimum } from "./security/hop-security.ts";

/** A host that the administrator named, in place of the MX of a domain. */
export interface Relay {
  readonly flavour: "smtp" | "lmtp";
  readonly host: string;
  readonly port: number;
  readonly socketPath?: string;
  /** TLS from the first octet. */
  readonly isImplicitTls: boolean;
  readonly credentials?: SmtpCredentials;
}

/** How some mail is sent: one entry of smtp_out.routes. */
export interface MailRoute {
  /** Tells it from the others, for sessions that are kept. */
  readonly name: string;
  readonly relay?: Relay;
  readonly gateway?: Gateway;
  readonly tls: TlsMinimum;
  readonly sourceAddresses: readonly string[];
  readonly connectionsMax?: number;
  readonly messagesPerMinuteMax?: number;
}

type RouteConfig = Config["smtpOut"]["routes"][number];

/** What is done where no entry fits: the MX, with TLS when offered. */
const ordinary: MailRoute = { name: "", tls: "opportunistic", sourceAddresses: [] };

/** The table of smtp_out.routes: the first entry that fits counts. */
export class Routes {
  readonly #entries: readonly { readonly config: RouteConfig; readonly route: MailRoute }[];

  /** Reads the files of passwords. Throws when one cannot be read. */
  constructor(configs: readonly RouteConfig[]) {
    this.#entries = configs.map((config, n) => ({ config, route: routeOf(config, `route-${n}`) }));
  }

  for({ authenticatedAs, reversePath }: Envelope, destination: Destination): MailRoute {
    const found = this.#entries.find(
      ({ config }) =>
        isTo(config, destination) &&
        (config.from === undefined ||
          config.from.some(
            (from) => isAddressLike(from, reversePath) || isAddressLike(from, authenticatedAs),
          )),
    );
    return found?.route ?? ordinary;
  }

  /** The limits of a destination, whoever sends to it: of the first entry that names it and sets them. */
  limitsOf(destination: Destination): Pick<MailRoute, "connectionsMax" | "messagesPerMinuteMax"> {
    const found = this.#entries.find(
      ({ config, route }) =>
        isTo(config, destination) &&
        (route.connectionsMax ?? route.messagesPerMinuteMax) !== undefined,
    );
    return found?.route ?? {};
  }
}

const isTo = ({ to }: RouteConfig, destination: Destination): boolean =>
  to === undefined || to.some((pattern) => isDomainLike(pattern, destination));

/** `example.org`, `*.example.org` for all below it, `*` for all. */
function isDomainLike(pattern: string, domain: string): boolean {
  const lower = pattern.toLowerCase();
  return (
    lower === "*" || lower === domain || (lower.startsWith("*.") && domain.endsWith(lower.slice(1)))
  );
}

/** An account's address, or all of a domain. */
export function isAddressLike(pattern: string, address = ""): boolean {
  const lower = address.toLowerCase();
  if (pattern.includes("@")) return pattern.toLowerCase() === lower;
  return lower !== "" && isDomainLike(pattern, lower.slice(lower.lastIndexOf("@") + 1));
}

function routeOf(config: RouteConfig, name: string): MailRoute {
  const { via, tls, sourceAddresses, connectionsMax, messagesPerMinuteMax } = config;
  const gateway = gatewayOf(config);
  const relay = via === undefined || gateway !== undefined ? undefined : relayOf(via, config);
  return {
    name,
    // A password is shown only to the host that it is for.
    tls: tls ?? (relay?.credentials === undefined ? "opportunistic" : "verified"),
    sourceAddresses,
    ...(relay !== undefined && { relay }),
    ...(gateway !== undefined && { gateway }),
    ...(connectionsMax !== undefined && { connectionsMax }),
    ...(messagesPerMinuteMax !== undefined && { messagesPerMinuteMax }),
  };
}

function gatewayOf({ via, command, format }: RouteConfig): Gateway | undefined {
  if (command !== undefined) return { kind: "program", command, format };
  const path = /^bsmtp:(\/.*)$/u.exec(via ?? "")?.[1];
  return path === undefined ? undefined : { kind: "directory", path };
}

const defaultPorts = { smtp: 25, smtps: 465, lmtp: 24 } as const;

function relayOf(via: string, { username, passwordFile }: RouteConfig): Relay {
  const socketPath = /^lmtp:(\/(?!\/).*)$/u.exec(via)?.[1];
  if (socketPath !== undefined) {
    return { flavour: "lmtp", host: socketPath, port: 0, socketPath, isImplicitTls: false };
  }
  const [, scheme = "smtp", bracketed, plain, port] =
    /^(\w+):\/\/(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/u.exec(via) ?? [];
  return {
    flavour: scheme === "lmtp" ? "lmtp" : "smtp",
    host: bracketed ?? plain ?? "",
    port: Number(port ?? defaultPorts[scheme as keyof typeof defaultPorts]),
    isImplicitTls: scheme === "smtps",
    ...(username !== undefined &&
      passwordFile !== undefined && {
        credentials: { username, password: readFileSync(passwordFile, "utf8").trim() },
      }),
  };
}
