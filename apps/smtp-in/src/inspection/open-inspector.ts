import { createResolver, type Resolver } from "@posthouse/dns";
import { openMailAuthenticator } from "@posthouse/mail-auth";
import { AddressRanges, type AppContext } from "@posthouse/service";
import { openGreylist } from "../greylist/open-greylist.ts";
import { DnsLists } from "./dns-lists.ts";
import { FilterStages } from "./filter-stage.ts";
import { Inspector } from "./inspector.ts";

/** The inspector that the configuration asks for; what it needs is closed with `opened`. */
export async function openInspector(
  { config, log, events, metrics }: AppContext,
  opened: AsyncDisposableStack,
  { resolver, now }: { readonly resolver?: Resolver; readonly now?: () => number } = {},
): Promise<Inspector> {
  const { hostname, inspection, smtpOut } = config;
  const asks = resolver ?? createResolver({ servers: smtpOut.dnsServers });
  if (resolver === undefined) opened.defer(() => asks.close());
  const authenticator = inspection.authenticate
    ? opened.use(
        openMailAuthenticator({
          resolver: asks,
          hostname,
          trustedSealers: inspection.trustedArcSealers,
          complain: (err) => log.error({ err }, "Cannot check a message; it is taken unchecked"),
        }),
      )
    : undefined;
  return new Inspector({
    hostname,
    authenticator,
    isDmarcEnforced: inspection.dmarc === "enforce",
    deferMsMax: inspection.deferSecondsMax * 1000,
    filters: new FilterStages(inspection.filters, { log, metrics }),
    lists: new DnsLists(inspection.dnsLists, { resolver: asks, log }),
    scores: {
      hostname,
      ownName: inspection.scoreOwnName,
      badHelo: inspection.scoreBadHelo,
      noName: inspection.scoreNoReverseName,
      junk: inspection.scoreJunk,
      refuse: inspection.scoreRefuse,
    },
    greylist: await openGreylist({ config, log }, opened, now),
    exempt: new AddressRanges(inspection.exemptNetworks),
    events,
  });
}
