/** Given by `posthouse up --single`: under systemd a timer does it, and `posthouse local` goes without. */
export const TIDY_FLAG = "tidy";
