import { type AppName, appNames } from "@posthouse/service";
import { usageFailure } from "./command-failure.ts";

/** The server of that name, or all where none was typed. @throws CommandFailure where there is none of that name */
export function serversNamed(server: string | undefined): readonly AppName[] {
  const names = appNames.filter((name) => server === undefined || name === server);
  if (names.length > 0) return names;
  throw usageFailure(`There is no server "${server}"; there are ${appNames.join(", ")}`);
}
