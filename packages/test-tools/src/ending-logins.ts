interface Logins {
  authenticate(request: never): Promise<{ readonly kind: string }>;
}

/** As `auth`, with logins that are ended by what `ends` holds meanwhile, as auth ends those of an account that goes. */
export const endingLogins = <Auth extends Logins>(auth: Auth, ends: Set<() => void>): Auth => ({
  ...auth,
  async authenticate(request: never) {
    const result = await auth.authenticate(request);
    if (result.kind !== "ok") return result;
    const onEnd = (end: () => void): Disposable => {
      ends.add(end);
      return { [Symbol.dispose]: () => void ends.delete(end) };
    };
    return { ...result, onEnd };
  },
});
