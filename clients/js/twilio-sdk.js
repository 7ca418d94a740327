/**
 * Connects Twilio's own JavaScript SDKs to Parley: twilio-chat 3.4 to 6.0, @twilio/conversations 2.x and 3.x.
 *
 *   import { parley } from "./twilio-sdk.js";
 *   const client = new Client(token, parley("wss://…/prod"));
 *
 * The SDKs send and read binary frames; API Gateway carries only text frames. The SDKs have no option for that. Their
 * constructors take the class `WebSocket` from the global object. Arguments are evaluated before a constructor runs, so
 * `parley` puts a class of its own on the global object and takes it away a microtask later. That class acts for this one
 * URL; for any other it makes an ordinary WebSocket.
 */

const PREFIX = "TWILSOCK ";
const PING = JSON.stringify({ action: "ping" });
/** API Gateway closes a socket on which nothing was sent for ten minutes, and the SDKs never ping. */
const PING_EVERY = 9 * 60_000;
/** API Gateway closes a socket that sends a longer frame. */
const LARGEST_FRAME = 32 * 1024;
/** An SDK that starts with 100 channels would send 200 requests at once, each of which starts a Lambda. */
const MOST_IN_FLIGHT = 32;
/** After this time an SDK gives a request up. */
const REQUEST_TIMEOUT = 30_000;
const TOO_LARGE = { status: 413, code: 20413, message: `A request to Parley has at most ${LARGEST_FRAME} bytes` };

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** While a class of ours is on the global object: the property that belongs there, if any. */
let replaced = null;

/**
 * The options with which an SDK connects to Parley. To add options, write `{ ...parley(url), logLevel: "debug" }`.
 *
 * `url` is the address of the socket. `WebSocket` is the class to connect with. By default it is the platform's; in a Node
 * that has none, it is the one that the SDK itself would take from the package "ws".
 */
export function parley(url, { WebSocket = ordinarySockets() } = {}) {
  const uri = withProtocol(url);
  const install = () => replaceUntilMicrotask(socketsFor(uri, WebSocket));
  install();
  return {
    // The SDKs read this in their constructors: options that were made some time ago work too.
    get Twilsock() {
      install();
      return { uri };
    },
  };
}

function withProtocol(url) {
  const parts = new URL(url);
  if (parts.searchParams.has("protocol")) return url;
  parts.searchParams.set("protocol", "twilsock");
  return parts.href;
}

function ordinarySockets() {
  restore();
  const found = globalThis.WebSocket ?? socketsOfNode();
  if (found === undefined) throw new Error("There is no WebSocket here: pass one, parley(url, { WebSocket })");
  return found;
}

/** The class that a loaded SDK finds in the package "ws", or undefined. */
function socketsOfNode() {
  const modules = globalThis.process?.getBuiltinModule?.("node:module");
  if (modules === undefined) return undefined;
  const here = modules.createRequire(`${globalThis.process.cwd()}/`);
  const sdk = Object.keys(here.cache).find((path) => /[\\/]twilsock[\\/]/.test(path));
  try {
    return (sdk === undefined ? here : modules.createRequire(sdk))("ws");
  } catch {
    return undefined;
  }
}

function replaceUntilMicrotask(replacement) {
  if (replaced === null) {
    replaced = { property: Object.getOwnPropertyDescriptor(globalThis, "WebSocket") };
    queueMicrotask(restore);
  }
  Object.defineProperty(globalThis, "WebSocket", { value: replacement, configurable: true, writable: true });
}

function restore() {
  if (replaced === null) return;
  if (replaced.property === undefined) delete globalThis.WebSocket;
  else Object.defineProperty(globalThis, "WebSocket", replaced.property);
  replaced = null;
}

function socketsFor(uri, Ordinary) {
  return function WebSocket(url, ...more) {
    return url === uri ? new TextSocket(new Ordinary(url)) : new Ordinary(url, ...more);
  };
}

/** The part of a WebSocket that the SDKs use: binary towards the SDK, text towards the server. */
class TextSocket {
  binaryType = "arraybuffer";
  onopen = null;
  onclose = null;
  onerror = null;
  onmessage = null;
  #socket;
  #pings;
  #init = null;
  #isOpen = false;
  #held = [];
  #inFlight = new Map();
  #waiting = [];

  constructor(socket) {
    this.#socket = socket;
    socket.onopen = (event) => {
      this.#pings = setInterval(() => socket.send(PING), PING_EVERY);
      this.#pings.unref?.(); // Node need not wait for the next one
      this.onopen?.(event);
    };
    socket.onclose = (event) => {
      this.#end();
      this.onclose?.(event);
    };
    socket.onerror = (event) => this.onerror?.(event);
    socket.onmessage = (event) => this.#receive(event.data);
  }

  get readyState() {
    return this.#socket.readyState;
  }

  send(packet) {
    const text = decoder.decode(packet);
    const header = headerOf(text);
    // Nobody waits for these acknowledgements of pushes, and each would start a Lambda.
    if (header.method === "reply") return;
    if (packet.byteLength > LARGEST_FRAME) queueMicrotask(() => this.#tell(tooLarge(header)));
    else if (header.method === "init") {
      this.#init = header.id;
      this.#socket.send(text);
    }
    // API Gateway starts a Lambda for each packet, so one that is sent right after `init` may overtake it. 3.x and 4.x
    // send one, and Parley closes a connection that says anything before `init`.
    else if (!this.#isOpen) this.#held.push(packet);
    else if (header.method !== "message") this.#socket.send(text);
    else if (this.#inFlight.size < MOST_IN_FLIGHT) this.#request(header.id, text);
    else this.#waiting.push({ id: header.id, text, since: Date.now() });
  }

  close(...reason) {
    this.#end();
    this.#socket.close(...reason);
  }

  #request(id, text) {
    this.#inFlight.set(id, setTimeout(() => this.#settle(id), REQUEST_TIMEOUT));
    this.#socket.send(text);
  }

  /** A request was answered or given up: send those that waited for it. */
  #settle(id) {
    clearTimeout(this.#inFlight.get(id));
    this.#inFlight.delete(id);
    while (this.#waiting.length > 0 && this.#inFlight.size < MOST_IN_FLIGHT) {
      const next = this.#waiting.shift();
      if (Date.now() - next.since < REQUEST_TIMEOUT) this.#request(next.id, next.text);
    }
  }

  #receive(text) {
    // The rest is not for the SDK: pongs, and errors of API Gateway itself, which would end a program with 3.x or 4.x.
    if (typeof text !== "string" || !text.startsWith(PREFIX)) return;
    const header = headerOf(text);
    if (header.method === "reply" && this.#inFlight.has(header.id)) this.#settle(header.id);
    this.#tell(text);
    if (header.method === "reply" && header.id === this.#init && header.status?.code === 200) this.#open();
  }

  /** `init` was accepted: send what waited for that. */
  #open() {
    this.#isOpen = true;
    for (const packet of this.#held.splice(0)) this.send(packet);
  }

  #tell(text) {
    this.onmessage?.({ data: encoder.encode(text).buffer });
  }

  #end() {
    clearInterval(this.#pings);
    this.#inFlight.forEach((timer) => clearTimeout(timer));
    this.#inFlight.clear();
  }
}

/** The header of a packet: `TWILSOCK V3.0 <bytes of the header>`, the header as JSON, the payload, each on a line. */
function headerOf(text) {
  return JSON.parse(text.split("\r\n", 2)[1]);
}

/** The reply to a request that is too large to be sent. */
function tooLarge({ method, id }) {
  const payload = JSON.stringify(TOO_LARGE);
  const refused = { code: 413, status: "Payload Too Large" };
  const header = JSON.stringify({
    method: "reply",
    id,
    status: method === "message" ? { code: 200, status: "OK" } : refused,
    http_status: refused,
    payload_type: "application/json",
    payload_size: payload.length,
  });
  return `${PREFIX}V3.0 ${header.length}\r\n${header}\r\n${payload}`;
}
