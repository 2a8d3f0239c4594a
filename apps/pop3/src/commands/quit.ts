import { Farewell } from "@posthouse/session";
import { defineCommand, type Session } from "../command.ts";
import type { Maildrop } from "../maildrop.ts";

/** QUIT: RFC 1939 §4 and §6. After a login it is the UPDATE state. */
export const quit = defineCommand({
  name: "QUIT",
  states: ["authorization", "named", "transaction"],
  async run(state, args, session) {
    args.end();
    const text = `${session.services.config.hostname} signing off`;
    if (state.name !== "transaction") return { text, state: { name: "closed" } };

    const { maildrop } = state;
    await update(maildrop, session);
    const { messageCount } = maildrop;
    const left = messageCount === 0 ? "maildrop empty" : `${messageCount} left`;
    return { text: `${text} (${left})`, state: { name: "closed" } };
  },
});

/** RFC 1939 §6: whether the removal was successful or not, the session ends. */
async function update(maildrop: Maildrop, { services, connection }: Session): Promise<void> {
  try {
    const messages = await maildrop.update();
    if (messages === 0) return;
    services.events.record({
      type: "expunged",
      protocol: "pop3",
      account: maildrop.account.address,
      remoteAddress: connection.remoteAddress,
      messages,
    });
  } catch (error) {
    services.log.error({ err: error, account: maildrop.account.address }, "Cannot remove messages");
    throw new Farewell("Some deleted messages were not removed", { code: "SYS/TEMP" });
  }
}
