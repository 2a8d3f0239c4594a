import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { DkimKeyStore } from "@posthouse/dkim";
import { DnsError } from "@posthouse/dns";
import { askHttps, type HttpsSettings } from "@posthouse/mail-auth/mta-sts";
import type { QueueWriter } from "@posthouse/queue";
import type { Logger } from "@posthouse/service";
import { ENVELOPE_VERSION } from "@posthouse/smtp/envelope";
import { limits } from "../limits.ts";
import { composeTlsReport, reportJson, type TlsReport } from "./tls-report.ts";
import type { TlsReports } from "./tls-reports.ts";

export interface TlsReportSenderSettings extends HttpsSettings {
  readonly reports: TlsReports;
  readonly writer: QueueWriter;
  readonly keys: DkimKeyStore;
  readonly hostname: string;
  readonly isOn: boolean;
  readonly log: Logger;
  readonly now: () => number;
}

/** Tells domains that ask for it, once a day, what became of TLS with their mail hosts: RFC 8460. */
export class TlsReportSender {
  readonly #settings: TlsReportSenderSettings;
  #sending: Promise<void> | undefined;

  constructor(settings: TlsReportSenderSettings) {
    this.#settings = settings;
  }

  /** The result ends it. */
  start(): () => Promise<void> {
    const { reports, log } = this.#settings;
    const complain = (err: unknown) => log.error({ err }, "Cannot send TLS reports");
    const send = () => {
      this.#sending ??= this.sendAll()
        .catch(complain)
        .finally(() => {
          this.#sending = undefined;
        });
    };
    send();
    const timers = [
      setInterval(send, limits.reportsSendEveryMs).unref(),
      setInterval(() => void reports.flush().catch(complain), limits.reportsWriteEveryMs).unref(),
    ];
    return async () => {
      for (const timer of timers) clearInterval(timer);
      await this.#sending;
    };
  }

  /** Days that are over. A crash in between tells a domain the same twice, under the same id. */
  async sendAll(): Promise<void> {
    const { reports, isOn } = this.#settings;
    for (const day of await reports.daysOver()) {
      const counts = isOn ? await reports.read(day) : undefined;
      for (const [domain, policies] of Object.entries(counts ?? {})) {
        await this.#send({
          day,
          domain,
          policies: Object.values(policies),
          hostname: this.#settings.hostname,
          id: createHash("sha256")
            .update(`${day} ${domain} ${this.#settings.hostname}`)
            .digest("hex")
            .slice(0, 24),
        });
      }
      await reports.forget(day);
    }
  }

  async #send(report: TlsReport): Promise<void> {
    const places = await this.#placesOf(report.domain);
    if (places.length === 0) return;
    const packed = await promisify(gzip)(JSON.stringify(reportJson(report)));
    for (const place of places) {
      try {
        if (place.protocol === "https:") await this.#post(place, packed);
        else await this.#mail(decodeURIComponent(place.pathname), report, packed);
      } catch (err) {
        this.#settings.log.warn({ err, domain: report.domain }, "Cannot send a TLS report");
      }
    }
  }

  /** RFC 8460 §3. */
  async #placesOf(domain: string): Promise<URL[]> {
    try {
      const { records } = await this.#settings.resolver.txt(`_smtp._tls.${domain}`);
      const policies = records.filter((text) => /^v=TLSRPTv1[ \t]*;/u.test(text));
      const rua = /;[ \t]*rua=([^;]+)/u.exec(policies[0] ?? "")?.[1];
      if (policies.length !== 1 || rua === undefined) return [];
      return rua
        .split(",")
        .map((text) => URL.parse(text.trim()))
        .filter((url) => url !== null && ["https:", "mailto:"].includes(url.protocol))
        .slice(0, limits.reportPlacesMax) as URL[];
    } catch (error) {
      if (error instanceof DnsError) return [];
      throw error;
    }
  }

  async #post(url: URL, octets: Buffer): Promise<void> {
    const { status } = await askHttps(url, this.#settings, {
      timeoutMs: limits.reportPostMs,
      bytesMax: limits.mtaStsBytesMax,
      body: { type: "application/tlsrpt+gzip", octets },
    });
    if (status >= 300) throw new Error(`${url.hostname} answered ${status}`);
  }

  async #mail(address: string, report: TlsReport, packed: Buffer): Promise<void> {
    const { writer, keys, hostname, now } = this.#settings;
    // RFC 8460 §3: reports without a DKIM signature are not read by anyone.
    if ((await keys.activeFor(hostname)).length === 0) return;
    const nowMs = now();
    await using draft = await writer.begin();
    await draft.write(composeTlsReport(report, { to: address, packed, nowMs }));
    await draft.commit("ready", {
      version: ENVELOPE_VERSION,
      messageId: `tlsrpt-${report.id}`,
      receivedAtMs: nowMs,
      client: { address: "", helo: hostname, protocol: "SMTP" },
      isOurs: true,
      isTlsOptional: true,
      reversePath: "",
      recipients: [{ address, originalAddress: address, isLocal: false, notify: ["NEVER"] }],
      body: "7BIT",
      smtpUtf8: false,
      requireTls: false,
      priority: 0,
      verdicts: {},
    });
  }
}
