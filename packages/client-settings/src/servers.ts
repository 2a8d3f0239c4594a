import type { Config } from "@posthouse/service";

/** One way for a mail program to connect. */
export interface ClientServer {
  readonly protocol: "imap" | "pop3" | "smtp";
  readonly host: string;
  readonly port: number;
  readonly tls: "implicit" | "starttls";
}

/** What mail programs are told, best first: TLS from the start before STARTTLS (RFC 8314 §3), IMAP before POP3. */
export function clientServersOf({
  hostname,
  imap,
  pop3,
  smtpIn,
}: Pick<Config, "hostname" | "imap" | "pop3" | "smtpIn">): readonly ClientServer[] {
  const smtp = smtpIn.listeners.flatMap(({ kind, port }) =>
    kind === "mx"
      ? []
      : [{ tls: kind === "submissions" ? ("implicit" as const) : ("starttls" as const), port }],
  );
  const offered = (
    protocol: ClientServer["protocol"],
    listeners: readonly { readonly tls: ClientServer["tls"]; readonly port: number }[],
  ): ClientServer[] =>
    (["implicit", "starttls"] as const).flatMap((tls) => {
      // Of several listeners the first: people need one port, and the others are somebody's exception.
      const listener = listeners.find((one) => one.tls === tls && one.port !== 0);
      return listener === undefined ? [] : [{ protocol, host: hostname, port: listener.port, tls }];
    });
  return [
    ...offered("imap", imap.listeners),
    ...offered("pop3", pop3.listeners),
    ...offered("smtp", smtp),
  ];
}
