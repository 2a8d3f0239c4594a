import { type AuthClient, connectAuth } from "@posthouse/accounts";
import { type AppContext, type BoundAddress, loadTls, type RunningApp } from "@posthouse/service";
import { AlpnChallenges } from "./acme/alpn-challenges.ts";
import { Challenges } from "./acme/challenges.ts";
import { orderInThread } from "./acme/order.ts";
import { proverOf } from "./acme/prover.ts";
import type { OrderCertificate } from "./acme/renewal.ts";
import { Renewals } from "./acme/renewals.ts";
import { OurDomains } from "./clients/our-domains.ts";
import { profileSigner } from "./clients/profile-signer.ts";
import { openControlServer } from "./control-server.ts";
import { routeOf } from "./routes.ts";
import { WebServer } from "./web-server.ts";

/** Parts that a test gives instead of the usual ones. */
export interface Parts {
  readonly auth?: Pick<AuthClient, "resolveRecipient">;
  readonly order?: OrderCertificate;
  readonly now?: () => number;
}

/** Serves HTTP and HTTPS on the listeners of `[http]`, and gets certificates as `[acme]` says. */
export async function start(context: AppContext, parts: Parts = {}): Promise<RunningApp> {
  const { config, log, metrics } = context;
  const tls = loadTls(config, (error) => log.error({ err: error }, "Cannot renew the certificate"));
  const challenges = new Challenges();
  const alpn = new AlpnChallenges();
  const renewal = new Renewals({
    config,
    log,
    order:
      parts.order ??
      (async (request, signal) => {
        const prover = await proverOf(config.acme, { http: challenges, alpn });
        return await orderInThread(request, prover, signal);
      }),
    onIssued: () => void tls.reload(),
    ...(parts.now && { now: parts.now }),
  });
  const auth = connectAuth({ socketPath: config.auth.socketPath });
  const domains = new OurDomains(parts.auth ?? auth);
  const web = new WebServer({
    listeners: config.http.listeners,
    tls,
    alpn,
    log,
    requests: metrics.counter("http_requests", "HTTP requests by status", ["status"]),
    route: routeOf({ config, challenges, domains, sign: profileSigner(config, log) }),
  });
  const control = openControlServer(renewal);
  async function close(): Promise<void> {
    await Promise.all([renewal.close(), web.close(), control.close()]);
    tls.close();
    await auth[Symbol.asyncDispose]();
  }
  const addresses: BoundAddress[] = [];
  try {
    addresses.push(...(await web.listen()), await control.listen(config.http.socketPath));
  } catch (error) {
    await close();
    throw error;
  }
  // Not before: the ACME server's first question comes within a second.
  void renewal.start();
  return {
    addresses,
    close,
    problems: () => renewal.problems(),
    reload: async () => {
      tls.reload();
    },
  };
}
