/** How a command ends that does not end well. Thrown anywhere, written in one place: CommandSession. */
export class CommandFailure<Code extends string = string> extends Error {
  override readonly name: string = "CommandFailure";
  readonly code: Code | undefined;
  /** The client sent something that is no command: enough of these end the session. */
  readonly isSyntax: boolean;

  constructor(
    text: string,
    options: { readonly code?: Code | undefined; readonly isSyntax?: boolean } = {},
  ) {
    super(text);
    this.code = options.code;
    this.isSyntax = options.isSyntax ?? false;
  }
}

/** A failure after which the session ends. */
export class Farewell<Code extends string = string> extends CommandFailure<Code> {
  override readonly name = "Farewell";
}

/** The client's own mistake: not a command, not its arguments, not the time for it. */
export const bad = <Code extends string = never>(text: string): CommandFailure<Code> =>
  new CommandFailure<Code>(text, { isSyntax: true });
