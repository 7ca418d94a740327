// Calls Twilio's helper library for Node as node_library.py asks for it: each line on standard input is a call, a list of
// steps from the client, each a name and the arguments if it is called. The answer is one line of JSON.
"use strict";
const { createInterface } = require("node:readline");
const connect = require("./client.cjs");

const client = connect();

// What the library shows of a resource.
const shown = (item) => (item && typeof item.toJSON === "function" ? item.toJSON() : item);

async function call(steps) {
  let found = client;
  for (const [name, called] of steps) found = called ? await found[name](...called) : found[name];
  return Array.isArray(found) ? found.map(shown) : shown(found);
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    const told = await call(JSON.parse(line)).then(
      (result) => ({ result }),
      (error) => ({ failure: String(error) }),
    );
    console.log(JSON.stringify(told));
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
