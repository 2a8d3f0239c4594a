import { createPrivateKey } from "node:crypto";
import { type DkimAlgorithm, type DkimKey, dkimAlgorithms } from "./dkim-key.ts";

/**
 * A key on disk: PKCS #8 in PEM, with lines in front of it that PEM readers pass over.
 *
 *   Domain: example.org
 *   Selector: ph202611-rsa
 *   Algorithm: rsa-sha256
 *   State: active
 *   Created: 2026-11-29T00:00:00.000Z
 *   Retired: 2026-12-24T00:00:00.000Z        only when it is
 *   -----BEGIN PRIVATE KEY----- …
 */
export function formatKeyFile(key: DkimKey): string {
  const { domain, selector, algorithm, state, createdAtMs, retiredAtMs, privateKey } = key;
  return [
    `Domain: ${domain}`,
    `Selector: ${selector}`,
    `Algorithm: ${algorithm}`,
    `State: ${state}`,
    `Created: ${new Date(createdAtMs).toISOString()}`,
    ...(retiredAtMs === undefined ? [] : [`Retired: ${new Date(retiredAtMs).toISOString()}`]),
    privateKey.export({ format: "pem", type: "pkcs8" }),
  ].join("\n");
}

/** Undefined when it is no such file. */
export function parseKeyFile(text: string): DkimKey | undefined {
  const field = (name: string) => new RegExp(`^${name}: (.+)$`, "m").exec(text)?.[1] ?? "";
  const domain = field("Domain");
  const selector = field("Selector");
  const algorithm = field("Algorithm");
  const state = field("State");
  const createdAtMs = Date.parse(field("Created"));
  const retiredAtMs = Date.parse(field("Retired"));
  if (domain === "" || selector === "" || Number.isNaN(createdAtMs)) return undefined;
  if (!isAlgorithm(algorithm) || !isState(state)) return undefined;
  try {
    const privateKey = createPrivateKey(text.slice(text.indexOf("-----BEGIN")));
    if (privateKey.asymmetricKeyType !== algorithm.split("-")[0]) return undefined;
    return {
      domain,
      selector,
      algorithm,
      state,
      createdAtMs,
      privateKey,
      ...(!Number.isNaN(retiredAtMs) && { retiredAtMs }),
    };
  } catch {
    return undefined;
  }
}

const isAlgorithm = (text: string): text is DkimAlgorithm =>
  (dkimAlgorithms as readonly string[]).includes(text);

const isState = (text: string): text is DkimKey["state"] =>
  ["waiting", "active", "retired"].includes(text);
