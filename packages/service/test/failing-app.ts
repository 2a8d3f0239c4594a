import { runApp } from "@posthouse/service";

/** Marks its error as another package would, without a class of this one. */
class CellarFlooded extends Error {
  readonly isForOperator = true;
}

runApp("pop3", async () => {
  await Promise.resolve();
  throw new CellarFlooded("Cannot open the cellar: it is flooded");
});
