// Runs JavaScript fragments of a page, each on its own, with what their readers have already: a client, a channel, a page.

import { Blob } from "node:buffer";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Client as ParleyClient } from "../../clients/js/parley.js";
import * as shim from "../../clients/js/twilio-sdk.js";

const given = JSON.parse(readFileSync(process.argv[2], "utf8"));
const packages = createRequire(`${given.node_modules}/`);
const sdk = createRequire(`${given.sdk}/`)(given.sdk);
const { WebSocket } = packages("ws");
globalThis.WebSocket ??= WebSocket;

const clients = [];
class Client extends ParleyClient {
  constructor(source, options) {
    super(source, { WebSocket, ...options });
    clients.push(this);
  }
}
class OfficialClient extends (sdk.Client ?? sdk) {
  constructor(...options) {
    super(...options);
    clients.push(this);
  }
}

const tokens = [...given.tokens];
const fetchToken = async () => tokens[0];
const told = [];
const tell = (...what) => void told.push(what);
const firebase = { getToken: async () => "a-token-of-firebase", onMessage: () => {} };

async function load(name) {
  if (["./parley.js", "parley-client", "@parley/client"].includes(name)) return { Client };
  if (/twilio-sdk(\.m?js)?$/.test(name)) return shim;
  if (["@twilio/conversations", "twilio-chat"].includes(name)) return { Client: OfficialClient, default: OfficialClient };
  if (name === "firebase/messaging") return firebase;
  const found = name.startsWith("node:") ? await import(name) : packages(name);
  return { default: found, ...found };
}

/** The fragment with its imports as calls, and with the addresses of this stack. */
function runnable(text) {
  return text
    .replace(/^import \* as (\w+) from ["'](.+?)["'];?/gm, 'const $1 = await load("$2");')
    .replace(/^import \{(.+?)\} from ["'](.+?)["'];?/gm, (_, names, from) => {
      return `const {${names.replaceAll(" as ", ": ")}} = await load("${from}");`;
    })
    .replace(/^import (\w+) from ["'](.+?)["'];?/gm, 'const { default: $1 } = await load("$2");')
    .replace(/parley\((["'])wss:.*?\1\)/g, `parley("${given.info.sdk_url}")`)
    .replace(/(["'])wss:.*?\1/g, `"${given.info.ws_url}"`);
}

const client = await Client.create(fetchToken, { url: given.info.ws_url });
const channel = await client.getChannelByUniqueName("general");
await channel.sendMedia([new Blob(["a picture"], { type: "image/png" })]);
const message = (await channel.getMessages(1)).items[0];
const blob = new Blob(["a picture"], { type: "image/png" });
const file = Object.assign(new Blob(["a picture"], { type: "image/png" }), { name: "cat.png" });
const common = {
  load,
  require: packages,
  local: given.info,
  console: { ...console, log: tell },
  fetch: async (path, ...options) => {
    if (path === "/token") return Response.json({ token: tokens[0] });
    if (path.startsWith("/token?")) return Response.json({ token: tokens[0], url: given.info.ws_url });
    return fetch(path, ...options);
  },
  fetchToken,
  token: tokens[0],
  url: given.info.ws_url,
  restUrl: given.info.rest_url,
  serviceSid: given.service_sid,
  client,
  channel,
  message,
  blob,
  file,
  input: { files: [blob, blob] },
  messaging: {},
  serviceWorkerRegistration: {},
  show: tell,
  showPresence: tell,
  explain: tell,
};
const AsyncFunction = (async () => {}).constructor;
for (const { name, text } of given.fragments) {
  // Twilio's client is meant where the shim is.
  const names = { ...common, Client: text.includes("twilio-sdk") ? OfficialClient : Client };
  try {
    await new AsyncFunction(...Object.keys(names), `{ ${runnable(text)}\n }`)(...Object.values(names));
    if (names.input.onchange) await names.input.onchange();
    delete names.input.onchange;
  } catch (error) {
    console.log(`${name}: ${error.stack}`);
    process.exit(1);
  }
}
await Promise.allSettled(clients.map((one) => one.shutdown()));
process.exit(0);
