export { endingLogins } from "./ending-logins.ts";
export { type ForkedProgram, forkProgram } from "./fork-program.ts";
export { freePort } from "./free-port.ts";
