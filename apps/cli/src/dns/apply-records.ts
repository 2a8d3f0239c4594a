import type { PlannedRecord } from "@posthouse/client-settings";
import {
  type RecordSet,
  sendUpdate,
  type TsigKey,
  type UpdateRecord,
  type ZoneReader,
  zoneOf,
} from "@posthouse/dns";
import { CommandFailure } from "../command-failure.ts";
import { comparePublished, type PublishedRecord } from "./published.ts";

const TTL_SECONDS = 3600;

export interface ApplyOptions {
  /** The primary name server. */
  readonly server: string;
  readonly key?: TsigKey;
  /** Asks that server itself, and not a cache. */
  readonly resolver: ZoneReader;
  /** Also what is there in other words, and would be lost. */
  readonly isReplacing: boolean;
}

export interface Applied {
  readonly added: readonly PlannedRecord[];
  readonly replaced: readonly PlannedRecord[];
  /** Left as they are, since something else is there. */
  readonly left: readonly PublishedRecord[];
}

/**
 * Publishes what is missing by dynamic update (RFC 2136), one message a zone, which holds whole or not at
 * all. Nothing that is there is touched, unless asked for: then a set is written anew with what else it had.
 *
 * @throws CommandFailure, DnsUpdateError
 */
export async function applyRecords(
  records: readonly PlannedRecord[],
  { server, key, resolver, isReplacing }: ApplyOptions,
): Promise<Applied> {
  const ours = records.filter(({ by }) => by === "you");
  const states = await comparePublished(ours, resolver);
  const unknown = states.find(({ state }) => state === "unknown");
  if (unknown !== undefined) {
    throw new CommandFailure(`Cannot see what is published now: ${unknown.found.join(", ")}`);
  }
  const missing = states.filter(({ state }) => state === "missing");
  const different = states.filter(({ state }) => state === "different");
  const changed = [...missing, ...(isReplacing ? different : [])];
  for (const [zone, inZone] of await byZone(changed, resolver)) {
    const replaced = inZone
      .filter(({ state }) => state === "different")
      .map(({ record }) => record);
    const isCleared = ({ name, type }: { name: string; type: string }) =>
      replaced.some((one) => one.name === name && one.type === type);
    // A set that is cleared gets back all that it had for other purposes, and all of ours.
    const sets = states.filter(({ record }) => isCleared(record));
    await sendUpdate({
      server,
      zone,
      ...(key !== undefined && { key }),
      clear: distinct(replaced.flatMap((one) => clearedBy(one, inZone))),
      add: distinct([
        ...sets.flatMap(({ record, others }) =>
          others
            .filter(
              (data) =>
                !sets.some((one) => one.record.type === record.type && one.found.includes(data)),
            )
            .map((data) => updateOf({ ...record, data })),
        ),
        ...sets.map(({ record }) => updateOf(record)),
        ...inZone.map(({ record }) => updateOf(record)),
      ]),
    });
  }
  return {
    added: missing.map(({ record }) => record),
    replaced: isReplacing ? different.map(({ record }) => record) : [],
    left: isReplacing ? [] : different,
  };
}

/** An alias stands alone (RFC 1034 §3.6.2): addresses that are there in its place go too. */
function clearedBy(
  { name, type }: PlannedRecord,
  inZone: readonly PublishedRecord[],
): readonly RecordSet[] {
  const hasAddresses =
    type === "CNAME" &&
    inZone.some(({ record, found }) => record.name === name && found.some(isAddress));
  const types = hasAddresses ? ([type, "A", "AAAA"] as const) : [type];
  return types.map((one) => ({ name, type: one }));
}

const isAddress = (data: string): boolean => !data.endsWith(".");

const updateOf = ({ name, type, data }: PlannedRecord): UpdateRecord => ({
  name,
  type,
  ttlSeconds: TTL_SECONDS,
  data,
});

const distinct = <T extends object>(items: readonly T[]): readonly T[] => [
  ...new Map(items.map((item) => [JSON.stringify(item), item])).values(),
];

async function byZone(
  states: readonly PublishedRecord[],
  resolver: ZoneReader,
): Promise<ReadonlyMap<string, readonly PublishedRecord[]>> {
  const zones = new Map<string, PublishedRecord[]>();
  for (const state of states) {
    const { name } = state.record;
    const zone = await zoneOf(name, resolver);
    if (zone === undefined) {
      throw new CommandFailure(`The name server has no zone for ${name}: is it the domain's own?`);
    }
    zones.set(zone, [...(zones.get(zone) ?? []), state]);
  }
  return zones;
}
