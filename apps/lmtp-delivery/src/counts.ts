import type { EventTrail, Metrics } from "@posthouse/service";

/** Counts what the event trail is told anyway: every copy of a message has its end there. */
export function counted(events: EventTrail, metrics: Metrics): EventTrail {
  const delivered = metrics.counter("lmtp_delivery_delivered_total", "Copies put into mailboxes");
  const refused = metrics.counter(
    "lmtp_delivery_refused_total",
    "Copies that a mailbox did not take",
  );
  const bytes = metrics.counter("lmtp_delivery_delivered_bytes_total", "Octets put into mailboxes");
  return {
    ...events,
    record(event) {
      if (event.type === "delivered") {
        delivered.inc();
        bytes.inc(Number(event.sizeBytes ?? 0));
      } else if (event.type === "refused") refused.inc();
      events.record(event);
    },
  };
}
