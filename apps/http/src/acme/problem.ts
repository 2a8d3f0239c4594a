/** Longer texts of a server are cut: this goes into a line of the log. */
const PROBLEM_CHARACTERS_MAX = 600;

/** One line about what went wrong with an order, of an error of the library or of ours. */
export function problemOf(error: unknown, directoryUrl: string): string {
  const { message, code } = error as NodeJS.ErrnoException;
  if (isLostConnection(error)) {
    return `the ACME server ${directoryUrl} went away in the middle of the order`;
  }
  const said = message.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  if (said === "") return `the order failed without a word (${code ?? "no code"})`;
  return said.length <= PROBLEM_CHARACTERS_MAX
    ? said
    : `${said.slice(0, PROBLEM_CHARACTERS_MAX)} …`;
}

/** acme-client 5.4 reads a property of the answer that never came. */
const isLostConnection = (error: unknown): boolean =>
  error instanceof TypeError &&
  /undefined \(reading '(?:config|status|data|headers)'\)/.test(error.message);
