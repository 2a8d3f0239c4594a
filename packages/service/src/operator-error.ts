/**
 * An error whose message is one sentence for the administrator, who can do something about it. A marker
 * and not a base class: packages that do not depend on this one mark their errors too.
 */
export interface OperatorError extends Error {
  readonly isForOperator: true;
}

/** When an app cannot start because of such an error, the sentence is logged without a stack. */
export function isForOperator(error: unknown): error is OperatorError {
  return error instanceof Error && "isForOperator" in error && error.isForOperator === true;
}
