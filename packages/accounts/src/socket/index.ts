export { limits as callLimits } from "../limits.ts";
export { CallArguments } from "./call-arguments.ts";
export { CallClient, type CallClientOptions } from "./call-client.ts";
export { type CallMethod, type CallMethods, CallServer } from "./call-server.ts";
