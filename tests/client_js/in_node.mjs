// Holds a conversation of scenario.mjs in Node, and prints what was told as JSON.

import { createRequire } from "node:module";
import { Client } from "../../clients/js/parley.js";
import * as scenarios from "./scenario.mjs";

const packages = createRequire(`${process.env.NODE_MODULES}/`);
const { url, tokens } = JSON.parse(process.env.CONVERSATION);
const WebSocket = process.env.PLATFORM_SOCKETS ? undefined : packages("ws");
const hold = scenarios[process.env.SCENARIO ?? "converse"];
console.log(JSON.stringify(await hold({ Client, url, tokens, WebSocket })));
