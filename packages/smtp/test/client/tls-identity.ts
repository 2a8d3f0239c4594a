import tlsOptions from "smtp-server/lib/tls-options.js";

/** The key and certificate that smtp-server carries for tests: nobody trusts it, and its key is public. */
const { key, cert } = tlsOptions({});
export const tlsIdentity = { key, cert };
