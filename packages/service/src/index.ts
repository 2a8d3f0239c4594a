export { AddressRanges, isAddressRange } from "./address-ranges.ts";
export {
  type AppContext,
  exitCodes,
  type ReadyMessage,
  type RunningApp,
  type StartApp,
} from "./app-context.ts";
export { type AppName, appNames } from "./app-name.ts";
export { ClientAddressWatch, isLoopback } from "./client-addresses.ts";
export { type Config, directoriesOf, webhooksDirectoryOf } from "./config/config.ts";
export { ConfigError } from "./config/config-error.ts";
export { HANDED_CONFIG, handConfig } from "./config/handed-config.ts";
export {
  type ConfigSource,
  configFileOf,
  configFromToml,
  DEFAULT_CONFIG_FILE,
  loadConfig,
} from "./config/load-config.ts";
export {
  type EventRecord,
  type EventTrail,
  type EventType,
  openEventTrail,
} from "./event-trail.ts";
export { type BoundAddress, isAnswered, type ListenAt, ListenError, listen } from "./listen.ts";
export { type Logger, openLog } from "./log.ts";
export { isLogLevel, type LogLevel, logLevels } from "./log-level.ts";
export { type Metrics, openMetrics } from "./metrics.ts";
export { isForOperator, type OperatorError } from "./operator-error.ts";
export { ProxyGate } from "./proxy/proxy-gate.ts";
export { readProxyHeader } from "./proxy/proxy-header.ts";
export { isPublicAddress } from "./public-address.ts";
export { runApp } from "./run-app.ts";
export { type ProcessContext, runApps, type SharedProcess } from "./run-apps.ts";
export {
  type ServedListener,
  type ServedSession,
  type SessionOptions,
  SessionServer,
} from "./session-server.ts";
export { openStatusServer, statusSocketPath } from "./status-server.ts";
export { TEST_TOML, type TestContext, testContext } from "./test-context.ts";
export {
  acmeCertificateFile,
  type CertificateInUse,
  certificateInUse,
  furtherCertificates,
} from "./tls/certificate-in-use.ts";
export { makeCertificateRequest } from "./tls/certificate-request.ts";
export { cmsSignedData, type SigningIdentity } from "./tls/cms-signed-data.ts";
export { makeSelfSignedCertificate } from "./tls/self-signed-certificate.ts";
export { loadTls, type TlsIdentity } from "./tls/tls-identity.ts";
export { nextKeyFile, nextTlsa, tlsaOfKey } from "./tls/tlsa.ts";
export type { AppProcesses } from "./workers/app-processes.ts";
export { BackOff } from "./workers/back-off.ts";
export { ConnectionCounts, type SharedCounts } from "./workers/connection-counts.ts";
