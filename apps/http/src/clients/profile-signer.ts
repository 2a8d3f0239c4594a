import { readFileSync } from "node:fs";
import { type AppContext, certificateInUse, cmsSignedData } from "@posthouse/service";
import type { SignProfile } from "./client-routes.ts";

/**
 * Signs profiles with the certificate that the servers show, as it is at that moment. It is read each time: profiles
 * are asked for once for each new telephone. One that cannot be signed goes out unsigned, and works as well.
 */
export const profileSigner =
  (config: AppContext["config"], log: AppContext["log"]): SignProfile =>
  (profile) => {
    try {
      const { certificateFile, keyFile } = certificateInUse(config);
      return cmsSignedData(Buffer.from(profile), {
        certificate: readFileSync(certificateFile, "utf8"),
        key: readFileSync(keyFile, "utf8"),
      });
    } catch (err) {
      log.warn({ err }, "Cannot sign a profile for iPhones, iPads and Macs");
      return undefined;
    }
  };
