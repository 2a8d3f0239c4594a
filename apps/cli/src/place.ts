/** Which server a command is about, as it was typed. */
export interface Place {
  readonly data?: string;
  readonly config?: string;
}

/** A text that suggests commands, with each of them leading to the same server as the one that prints it. */
export function atPlace(text: string, { data, config }: Place): string {
  const words = [
    ...(config === undefined ? [] : ["--config", quoted(config)]),
    ...(data === undefined ? [] : ["--data", quoted(data)]),
  ];
  if (words.length === 0) return text;
  return text.replaceAll(/(?<![\w/-])posthouse (?=[a-z])/g, () => `posthouse ${words.join(" ")} `);
}

/** As a shell takes it for one word. */
const quoted = (text: string): string =>
  /^[\w./~@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
