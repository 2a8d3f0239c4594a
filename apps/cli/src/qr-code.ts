import qrcode from "qrcode";

/**
 * A QR code of blocks that a camera reads from a terminal: error correction M, with the quiet zone that the
 * standard wants, dark on light whatever the terminal's colours are.
 */
export async function qrCode(text: string): Promise<string> {
  const code = await qrcode.toString(text, { type: "utf8", errorCorrectionLevel: "M", margin: 4 });
  // Black on white, said line by line: else a dark terminal shows it inverted.
  return code
    .trimEnd()
    .split("\n")
    .map((line) => `\x1b[30;47m${line}\x1b[0m`)
    .join("\n");
}
