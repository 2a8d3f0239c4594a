import { runApp } from "@posthouse/service";
import { start } from "./app.ts";

runApp("pop3", start);
