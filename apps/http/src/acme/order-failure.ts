/** The ACME server could not be had or refused; the message continues "Cannot get a certificate: …". */
export class OrderFailure extends Error {
  override readonly name = "OrderFailure";
  readonly isForOperator = true;
}
