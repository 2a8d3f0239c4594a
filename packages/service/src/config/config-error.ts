/** The configuration cannot be used; the message is one sentence for the administrator. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly isForOperator = true;
}
