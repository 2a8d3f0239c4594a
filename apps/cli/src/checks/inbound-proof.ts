import { isPublicAddress } from "@posthouse/service";
import { readEvents } from "../trace/read-events.ts";

/** Somebody from outside who has spoken to smtp-in, by the event trail: port 25 is open in. */
export async function outsiderInTrail(
  directory: string,
  ours: readonly string[],
): Promise<string | undefined> {
  const isWanted = (line: string) => line.includes('"app":"smtp-in"') && line.includes('"client":');
  for await (const { client } of readEvents(directory, isWanted)) {
    if (typeof client === "string" && isPublicAddress(client) && !ours.includes(client)) {
      return client;
    }
  }
  return undefined;
}
