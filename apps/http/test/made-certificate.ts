import { makeSelfSignedCertificate } from "@posthouse/service";
import type { OrderRequest } from "../src/acme/renewal.ts";

/** What an ACME server would send for this order, but for who signed it. */
export const certificateFor = (
  request: Pick<OrderRequest, "names" | "certificateKey">,
  { notBefore = new Date(), days = 90 } = {},
): string =>
  makeSelfSignedCertificate({
    names: request.names,
    notBefore,
    days,
    key: request.certificateKey,
  }).certificate;
