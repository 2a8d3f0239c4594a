/** Apart from what reads it, so that nothing of IMAP is loaded for a file. */
export const isImapSource = (text: string): boolean => /^imaps?:\/\//i.test(text);
