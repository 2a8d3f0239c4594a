import assert from "node:assert/strict";
import { test } from "node:test";
import { openMetrics } from "../src/index.ts";

test("a process tells of itself under the names that Prometheus clients use", async () => {
  const text = await openMetrics("imap", { withProcess: true }).text();
  for (const name of [
    "process_cpu_user_seconds_total",
    "process_cpu_system_seconds_total",
    "process_cpu_seconds_total",
    "process_start_time_seconds",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_max_fds",
    "nodejs_eventloop_lag_p99_seconds",
    "nodejs_heap_size_used_bytes",
    "nodejs_external_memory_bytes",
    "nodejs_version_info",
  ]) {
    assert.match(text, new RegExp(`^${name}\\{.*app="imap".*\\} [0-9.e-]+$`, "m"), name);
  }
});

test("processor time is a total, however often it is asked for", async () => {
  const metrics = openMetrics("imap", { withProcess: true });
  const seconds = async () =>
    Number(/^process_cpu_seconds_total\S* (\S+)$/m.exec(await metrics.text())?.[1]);
  const first = await seconds();
  const second = await seconds();
  const spent = process.cpuUsage();
  assert.ok(first > 0 && first <= second && second <= (spent.user + spent.system) / 1e6);
});

test("what an app counts begins with posthouse_ and has its labels", async () => {
  const metrics = openMetrics("smtp-in", { withProcess: false });
  metrics.counter("refused_total", "What was refused", ["reason"]).inc({ reason: "spam" }, 2);
  const text = await metrics.text();
  assert.match(text, /^posthouse_refused_total\{reason="spam",app="smtp-in"\} 2$/m);
  assert.doesNotMatch(text, /process_/);
});
