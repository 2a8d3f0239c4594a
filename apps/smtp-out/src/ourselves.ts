import { networkInterfaces } from "node:os";
import type { Config } from "@posthouse/service";

/**
 * Tells whether a mail host that the DNS names is this one. By name always; by address only when our
 * own port-25 listener would answer there, since another server may run on another port of this host.
 */
export function ourselves(config: Config): (host: string, address?: string) => boolean {
  const hostname = config.hostname.toLowerCase();
  const listeners = config.smtpIn.listeners.filter(
    ({ kind, port }) => kind === "mx" && port === config.smtpOut.mxPort,
  );
  return (host, address) => {
    if (host.toLowerCase() === hostname) return true;
    if (address === undefined) return false;
    return listeners.some((listener) =>
      isEverywhere(listener.address) ? isOnThisHost(address) : listener.address === address,
    );
  };
}

const isEverywhere = (address: string): boolean => ["*", "::", "0.0.0.0"].includes(address);

/** Read each time: addresses come and go. */
function isOnThisHost(address: string): boolean {
  // "0.0.0.0" and "::" are this host, too, when connected to.
  if (/^127\.|^0\.0\.0\.0$|^::1?$|^::ffff:127\./iu.test(address)) return true;
  return Object.values(networkInterfaces()).some((own) =>
    own?.some((one) => one.address === address.toLowerCase()),
  );
}
