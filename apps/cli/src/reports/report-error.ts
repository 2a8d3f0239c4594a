/** Why a message is no report that counts: a clause that follows on "it". */
export class ReportError extends Error {
  override readonly name = "ReportError";
}
