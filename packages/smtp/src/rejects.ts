/**
 * What becomes of mail with the verdict `file-into` `rejects`: this mailbox of its recipient, marked with this
 * keyword. Only what bears it expires and is released: other mail of that mailbox is its owner's own.
 */
export const rejects = { mailbox: "Rejects", keyword: "$Rejected" } as const;
