import type { Server } from "node:net";
import type { EventTrail, Metrics } from "@posthouse/service";

/** Counts what the event trail is told anyway: every message that came has its end there. */
export function counted(events: EventTrail, metrics: Metrics): EventTrail {
  const accepted = metrics.counter("smtp_in_messages_accepted_total", "Messages answered with 250");
  const refused = metrics.counter(
    "smtp_in_refusals_total",
    "Messages and recipients refused, by the class of the reply",
    ["class"],
  );
  const bytes = metrics.counter("smtp_in_accepted_bytes_total", "Octets of the messages accepted");
  return {
    ...events,
    record(event) {
      if (event.type === "accepted") {
        accepted.inc();
        bytes.inc(Number(event.sizeBytes ?? 0));
      } else if (event.type === "refused") refused.inc({ class: `${String(event.reply)[0]}yz` });
      events.record(event);
    },
  };
}

/** Counts connections by listener, those that are refused too. */
export function connectionCounter(metrics: Metrics): (server: Server, listener: string) => void {
  const total = metrics.counter("smtp_in_connections_total", "Connections so far", ["listener"]);
  return (server, listener) => void server.on("connection", () => total.inc({ listener }));
}
