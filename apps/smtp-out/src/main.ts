import { runApp } from "@posthouse/service";
import { start } from "./app.ts";

runApp("smtp-out", start, { mayHaveInstances: true });
