import { styleText } from "node:util";
import { harmless, print } from "../output.ts";
import { atPlace, type Place } from "../place.ts";

/** What a check found: one sentence, and where something is wrong, what to do. */
export interface Finding {
  /** The same each time, so that two runs can be compared: `port-25-out`, `dns MX example.org`. */
  readonly id: string;
  readonly state: "good" | "unproven" | "warning" | "bad";
  readonly says: string;
  readonly fix?: string;
}

/** Its remedy as it is typed for the server that was looked at. */
export const findingAt = (finding: Finding, place: Place): Finding =>
  finding.fix === undefined ? finding : { ...finding, fix: atPlace(finding.fix, place) };

const marks = {
  good: ["  ok  ", "green"],
  unproven: ["  ?   ", "yellow"],
  warning: ["  !   ", "yellow"],
  bad: [" FAIL ", "red"],
} as const satisfies Record<Finding["state"], readonly [string, string]>;

export function printFinding({ state, says, fix }: Finding): void {
  const [mark, colour] = marks[state];
  const shown = process.stdout.isTTY ? styleText(colour, mark) : mark;
  print(`${shown}${harmless(says)}`);
  if (fix !== undefined) print(`      -> ${harmless(fix)}`);
}

/** 0 when nothing is wrong, 1 for warnings, 2 for what is broken: as monitoring programs have it. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ state }) => state === "bad")) return 2;
  return findings.some(({ state }) => state === "warning") ? 1 : 0;
}
