import { usageFailure } from "./command-failure.ts";

const unitBytes = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 } as const;

/** `500M`, `10G`, `1048576`: bytes in powers of 1,024. @throws CommandFailure */
export function parseSize(text: string): number {
  const [, digits, unit] = /^(\d{1,15})([KMGT]?)i?B?$/i.exec(text) ?? [];
  const bytes = Number(digits) * unitBytes[(unit ?? "").toUpperCase() as keyof typeof unitBytes];
  if (digits === undefined || !Number.isSafeInteger(bytes)) {
    throw usageFailure(`"${text}" is not a size such as 500M, 10G or 1048576`);
  }
  return bytes;
}
