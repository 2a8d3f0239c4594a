import { runApp } from "@posthouse/service";
import { start } from "./app.ts";

runApp("lmtp-delivery", start);
