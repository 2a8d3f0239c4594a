import { becomeOwnerOf } from "./become-owner.ts";

/** Loaded before an app by `node --import`: root becomes the owner of this directory before the app begins. */
export const OWNED_DIRECTORY = "POSTHOUSE_BECOME_OWNER_OF";

const directory = process.env[OWNED_DIRECTORY];
if (directory !== undefined) becomeOwnerOf(directory);
