import { limits } from "./limits.ts";

/** A text of others as it may stand in a header, a log line or a terminal: printable, and not without end. */
export const shown = (text: string): string =>
  text.replaceAll(/[^\x20-\x7e]+/gu, "?").slice(0, limits.shownCharsMax);
