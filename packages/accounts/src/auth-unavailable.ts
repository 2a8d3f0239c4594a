/** apps/auth did not answer, or cannot now; whoever asked should come back later. */
export class AuthUnavailable extends Error {
  override readonly name = "AuthUnavailable";
}
