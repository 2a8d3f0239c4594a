import type { Mailbox, MailStore, Uid } from "@posthouse/mailbox-store";

/** Methods of a mailbox that stand in the place of the real one's, which they may call. */
interface MailboxMethods {
  readonly expunge?: (mailbox: Mailbox, uids: readonly Uid[]) => Promise<void>;
  readonly openMessage?: (mailbox: Mailbox, uid: Uid) => ReturnType<Mailbox["openMessage"]>;
  readonly sync?: (mailbox: Mailbox, since: Mailbox["columns"]) => ReturnType<Mailbox["sync"]>;
}

/** The store, with faults in its mailboxes that a healthy disk does not have. */
export function withMailbox(store: MailStore, methods: MailboxMethods): MailStore {
  const faulty = (mailbox: Mailbox): Mailbox => {
    const { expunge, openMessage, sync } = methods;
    return replacing(mailbox, {
      ...(expunge && { expunge: (uids: readonly Uid[]) => expunge(mailbox, uids) }),
      ...(openMessage && { openMessage: (uid: Uid) => openMessage(mailbox, uid) }),
      ...(sync && { sync: (since: Mailbox["columns"]) => sync(mailbox, since) }),
    });
  };
  return replacing(store, {
    openAccount: async (account: Parameters<MailStore["openAccount"]>[0]) => {
      const mail = await store.openAccount(account);
      return replacing(mail, {
        openMailbox: async (name: string) => faulty(await mail.openMailbox(name)),
      });
    },
  });
}

/** `target`, with these methods in the place of its own. */
export function replacing<T extends object>(
  target: T,
  methods: Readonly<Record<string, unknown>>,
): T {
  return new Proxy(target, {
    get(_, key) {
      if (typeof key === "string" && key in methods) return methods[key];
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      // Called on the target, for its private fields. Not bind(): AsyncDisposableStack of V8 takes no bound function.
      return (...args: unknown[]) => Reflect.apply(value, target, args);
    },
  });
}
