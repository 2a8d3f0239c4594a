import type { KeyObject } from "node:crypto";

/** RFC 8301 §3.1 and RFC 8463 §3: the algorithms that mail is signed with. */
export const dkimAlgorithms = ["rsa-sha256", "ed25519-sha256"] as const;
export type DkimAlgorithm = (typeof dkimAlgorithms)[number];

/** One key of a domain. */
export interface DkimKey {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: DkimAlgorithm;
  /**
   * waiting: made, and its DNS record is not seen yet; nothing is signed with it.
   * active: signs.
   * retired: signs no more; its record has to stay for what it signed.
   */
  readonly state: "waiting" | "active" | "retired";
  readonly createdAtMs: number;
  readonly retiredAtMs?: number;
  readonly privateKey: KeyObject;
}
