import type { Queue } from "@posthouse/queue";
import type { EventTrail, Metrics } from "@posthouse/service";
import { limits } from "./limits.ts";

/** Counts what the event trail is told anyway: each attempt has one end for each recipient there. */
export function counted(events: EventTrail, metrics: Metrics): EventTrail {
  const attempts = metrics.counter(
    "smtp_out_attempts_total",
    "Attempts to send a message to one place",
  );
  const ends = metrics.counter(
    "smtp_out_recipients_total",
    "What attempts came to, for each recipient",
    ["result"],
  );
  const causes = metrics.counter(
    "smtp_out_refusals_total",
    "Answers that kept mail back or ended it, by what they are known to mean",
    ["cause"],
  );
  const bytes = metrics.counter(
    "smtp_out_attempted_bytes_total",
    "Octets of the messages that attempts were about",
  );
  return {
    ...events,
    record(event) {
      const result = resultOf[event.type];
      if (typeof event.cause === "string") causes.inc({ cause: event.cause });
      if (result !== undefined) ends.inc({ result });
      else if (event.type === "attempt") {
        attempts.inc();
        bytes.inc(Number(event.sizeBytes ?? 0));
      }
      events.record(event);
    },
  };
}

const resultOf: { readonly [type: string]: string | undefined } = {
  relayed: "relayed",
  "handed-over": "delivered",
  deferred: "deferred",
  bounced: "failed",
};

/** Looks now and then how many entries wait. The result ends it. */
export function gaugeQueue(queue: Queue, metrics: Metrics): () => void {
  const entries = metrics.gauge("smtp_out_queue_entries", "Entries in the queue");
  const look = () =>
    void queue.count().then(
      (count) => entries.set(count),
      // The index is closing or in trouble, and whoever works with it says so.
      () => undefined,
    );
  look();
  const timer = setInterval(look, limits.queueGaugeEveryMs).unref();
  return () => clearInterval(timer);
}
