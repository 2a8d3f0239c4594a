import { runApp } from "@posthouse/service";
import { start } from "./app.ts";

runApp("http", start);
