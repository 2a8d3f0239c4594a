import { fieldBinary, parseHeader } from "./header-fields.ts";
import { type ParameterisedValue, parseParameterised } from "./parameters.ts";

/** The first field of that name as a value with parameters; undefined when there is none. */
export function headerParameters(octets: Uint8Array, name: string): ParameterisedValue | undefined {
  const wanted = name.toLowerCase();
  const field = parseHeader(octets).find((candidate) => candidate.name === wanted);
  return field && parseParameterised(fieldBinary(octets, field));
}
