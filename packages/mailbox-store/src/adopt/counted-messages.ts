/** `1 message`, `2 messages`. */
export const countedMessages = (count: number): string =>
  `${count} ${count === 1 ? "message" : "messages"}`;
