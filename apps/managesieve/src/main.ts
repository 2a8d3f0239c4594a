import { runApp } from "@posthouse/service";
import { start } from "./app.ts";

runApp("managesieve", start);
