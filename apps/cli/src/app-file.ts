import { join } from "node:path";
import type { AppName } from "@posthouse/service";

/** The file that Node runs as this app. */
export const appFile = (name: AppName): string =>
  join(import.meta.dirname, "..", "..", name, "src", "main.ts");
