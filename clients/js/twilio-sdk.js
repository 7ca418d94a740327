/**
 * Connects Twilio's own JavaScript SDKs to Parley: twilio-chat 3.4, 4.0 and 6.0, @twilio/conversations 2.6 and 3.0.
 *
 *   import { parley } from "./twilio-sdk.js";
 *   const client = new Client(token, parley("wss://…/prod"));
 *
 * The SDKs send and read binary frames; API Gateway carries only text frames. The SDKs have no option for that. Their
 * constructors take the class `WebSocket` from the global object. Arguments are evaluated before a constructor runs, so
 * `parley` puts a class of its own on the global object and takes it away a microtask later. That class acts for this one
 * URL; for any other it makes an ordinary WebSocket.
 *
 * The SDKs send a file as the body of one XMLHttpRequest, and API Gateway takes no large ones. The SDKs keep that class
 * from when they are loaded, so `parley` replaces four of its methods, for good. A large file then goes to the bucket by
 * a link that Parley gives. Only requests to the files of services that an SDK heard of over its socket are changed.
 */

const PREFIX = "TWILSOCK ";
/** The type of a push about a list, which is not a replay. */
const LIVE_LIST = "com.twilio.rtd.cds.list";
const PING = JSON.stringify({ action: "ping" });
/** API Gateway closes a socket on which nothing was sent for ten minutes, and the SDKs never ping. */
const PING_EVERY = 9 * 60_000;
/** API Gateway closes a socket that sends a longer frame. */
const LARGEST_FRAME = 32 * 1024;
/** An SDK that starts with 100 channels would send 200 requests at once, each of which starts a Lambda. */
const MOST_IN_FLIGHT = 32;
/** After this time an SDK gives a request up. */
const REQUEST_TIMEOUT = 30_000;
/** How long a message waits for the one before it, as in Parley's own clients (parley/follower.js says why). */
const GAP_PATIENCE = 600;
/** In bytes. Lambda takes no larger file in the body of a request. */
const LARGEST_POST = 4_500_000;
/** How often a step of an upload is tried, and what the pauses between the attempts grow from. */
const MOST_ATTEMPTS = 3;
const FIRST_PAUSE = 1_000;
/** With these statuses, a later attempt may succeed. The SDKs repeat what they fetch with the same ones. */
const PASSING = new Set([429, 502, 503, 504]);
const UNKNOWN_TYPE = "application/octet-stream";
const TOO_LARGE = { status: 413, code: 20413, message: `A request to Parley has at most ${LARGEST_FRAME} bytes` };
const NOT_STORED = { status: 503, code: 20503, message: "The bucket has not taken the file" };
const NOTHING = { status: 0, statusText: "", headers: "", text: "" };

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** While a class of ours is on the global object: the property that belongs there, if any. */
let replaced = null;

/**
 * The options with which an SDK connects to Parley. To add options, write `{ ...parley(url), logLevel: "debug" }`.
 *
 * `url` is the address of the socket. `WebSocket` is the class to connect with. By default it is the platform's; in a Node
 * that has none, it is the one that the SDK itself would take from the package "ws". `XMLHttpRequest` is the class with
 * which the SDK sends files. By default it is the platform's, and in Node also that of the package "xmlhttprequest" that
 * the SDK has loaded; null leaves all of them as they are.
 */
export function parley(url, { WebSocket = ordinarySockets(), XMLHttpRequest } = {}) {
  const uri = withProtocol(url);
  const install = () => {
    replaceUntilMicrotask(socketsFor(uri, WebSocket));
    for (const requests of XMLHttpRequest === undefined ? loadedRequests() : [XMLHttpRequest]) takeOver(requests);
  };
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
  if (!/^wss?:\/\/[^/?#]/i.test(url ?? "")) {
    throw new TypeError(`${url} is no socket's address (wss://…): give the stack's \`SocketUrl\`, or \`sdk_url\` of local.json`);
  }
  const parts = new URL(url);
  if (parts.searchParams.has("protocol")) return url;
  parts.searchParams.set("protocol", "twilsock");
  return parts.href;
}

function ordinarySockets() {
  restore();
  const found = globalThis.WebSocket ?? socketsOfNode();
  if (found === undefined) throw new Error("There is no WebSocket class here: pass one, parley(url, { WebSocket })");
  return found;
}

/** The class that a loaded SDK finds in the package "ws", or undefined. */
function socketsOfNode() {
  const here = requireFrom(`${globalThis.process?.cwd?.()}/`);
  if (here === undefined) return undefined;
  const sdk = Object.keys(here.cache).find((path) => /[\\/]twilsock[\\/]/.test(path));
  try {
    return (sdk === undefined ? here : requireFrom(sdk))("ws");
  } catch {
    return undefined;
  }
}

/** The function `require` of a place in the file system; undefined in a browser. */
function requireFrom(path) {
  return globalThis.process?.getBuiltinModule?.("node:module").createRequire(path);
}

/** The classes that loaded SDKs may send files with. */
function loadedRequests() {
  const here = requireFrom(`${globalThis.process?.cwd?.()}/`);
  const paths = Object.keys(here?.cache ?? {}).filter((path) => /[\\/]xmlhttprequest[\\/]lib[\\/]/.test(path));
  const classes = [globalThis.XMLHttpRequest, ...paths.map((path) => here.cache[path].exports.XMLHttpRequest)];
  return classes.filter((found) => typeof found === "function");
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
    return url === uri ? new TextSocket(new Ordinary(url), url) : new Ordinary(url, ...more);
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
  #scheme;
  #token;
  #pings;
  #init = null;
  #isOpen = false;
  #held = [];
  #inFlight = new Map();
  #waiting = [];
  #ordered = new OrderedMessages((text) => this.onmessage?.({ data: encoder.encode(text).buffer }));

  constructor(socket, url) {
    this.#socket = socket;
    this.#scheme = url.startsWith("ws:") ? "http://" : "https://";
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
    if (header.token) this.#renewToken(header.token);
    if (packet.byteLength > LARGEST_FRAME) queueMicrotask(() => this.#ordered.tell(tooLarge(header)));
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

  #renewToken(token) {
    // A token that comes back has none in its place.
    renewed.delete(token);
    if (this.#token !== undefined && this.#token !== token) renewed.set(this.#token, token);
    this.#token = token;
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
    notePlace(text, this.#scheme);
    this.#ordered.take(text, header);
    if (header.method === "reply" && header.id === this.#init && header.status?.code === 200) this.#open();
  }

  /** `init` was accepted: send what waited for that. */
  #open() {
    this.#isOpen = true;
    for (const packet of this.#held.splice(0)) this.send(packet);
  }

  #end() {
    clearInterval(this.#pings);
    this.#ordered.forget();
    this.#inFlight.forEach((timer) => clearTimeout(timer));
    this.#inFlight.clear();
  }
}

/**
 * Brings new messages in the order of their indexes. Parley pushes a message as soon as it is written, so messages of two
 * senders may overtake each other, and the SDKs tell the program of messages as they come. What is held back when the
 * connection ends comes again over the next one: the SDK has not seen it.
 */
class OrderedMessages {
  /** By the SID of a channel's list of messages: the newest index that the SDK has seen, and what is held back. */
  #lists = new Map();

  /** `tell(text)` gives the SDK a packet. */
  constructor(tell) {
    this.tell = tell;
  }

  /** A packet came. */
  take(text, { method, message_type: type }) {
    if (method !== "notification" || !/"event_type":\s*"list_item_/.test(text)) return this.tell(text);
    // A push has one event; a replay may have several, of one list.
    const { event_type: happened, event, events = [event] } = payloadOf(text);
    const [{ list_sid: sid, item_index: index }] = events;
    if (!this.#lists.has(sid)) this.#lists.set(sid, { newest: null, held: new Map(), timer: null });
    const list = this.#lists.get(sid);
    const isAdded = happened === "list_item_added";
    const isEarly = isAdded && list.newest !== null && index > list.newest + 1;
    // What is replayed comes in order. A change of a message that is held back stays behind it.
    if (type === LIVE_LIST && (isEarly || list.held.has(index))) {
      list.held.set(index, [...(list.held.get(index) ?? []), text]);
      list.timer ??= setTimeout(() => this.#release(list, Infinity), GAP_PATIENCE);
      return undefined;
    }
    this.tell(text);
    if (isAdded) list.newest = Math.max(list.newest ?? index, ...events.map((one) => one.item_index));
    this.#release(list, list.newest);
    return undefined;
  }

  /** Hold nothing back any more, and tell nothing of it. */
  forget() {
    for (const { timer } of this.#lists.values()) clearTimeout(timer);
    this.#lists.clear();
  }

  /** Tell what follows the newest message, and everything up to `upTo`. If something is left, it waits its own time. */
  #release(list, upTo) {
    const before = list.held.size;
    for (const [index, texts] of [...list.held].sort(([one], [other]) => one - other)) {
      if (index > upTo && index !== list.newest + 1) break;
      list.held.delete(index);
      list.newest = Math.max(list.newest, index);
      texts.forEach((text) => this.tell(text));
    }
    if (list.held.size === before) return;
    clearTimeout(list.timer);
    list.timer = list.held.size > 0 ? setTimeout(() => this.#release(list, Infinity), GAP_PATIENCE) : null;
  }
}

/** The header of a packet: `TWILSOCK V3.0 <bytes of the header>`, the header as JSON, the payload, each on a line. */
function headerOf(text) {
  return JSON.parse(text.split("\r\n", 2)[1]);
}

/** The payload of a packet. */
function payloadOf(text) {
  return JSON.parse(text.slice(text.indexOf("\r\n", text.indexOf("\r\n") + 2)));
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

/** By the address that an SDK heard for files: the address at which they are. */
const places = new Map();

/** By an access token: the token that took its place. A large upload may outlive the token with which it began. */
const renewed = new Map();
const newest = (token) => (renewed.has(token) ? newest(renewed.get(token)) : token);

/** Note where files go if a packet tells it: the configuration of 6.x and Conversations, the context of 3.x and 4.x. */
function notePlace(text, scheme) {
  if (!/"(media_service|mediaServiceUrl)":/.test(text)) return;
  const { links, data, event } = payloadOf(text);
  const told = links?.media_service ?? (data ?? event?.context_data)?.links?.mediaServiceUrl;
  if (typeof told === "string") places.set(told, told.startsWith(".") ? scheme + told.slice(1) : told);
}

/** The files that a URL is about: where they are, and the rest of the URL. Undefined for a URL about anything else. */
function placeOf(url) {
  // 3.x and 4.x put a host of Twilio's before what they heard.
  const told = url.replace(/^https:\/\/mcs\.[^./]+\.twilio\.com\./, ".");
  for (const [place, files] of places) {
    const rest = told.slice(place.length);
    if (told.startsWith(place) && /^([/?]|$)/.test(rest)) return { files, rest };
  }
  return undefined;
}

const takenOver = new WeakSet();

/** Replace methods of a class of requests. The class itself cannot be replaced: SDKs keep it when they are loaded. */
function takeOver(Requests) {
  if (Requests === null || takenOver.has(Requests)) return;
  takenOver.add(Requests);
  for (const [name, act] of Object.entries(ACTS)) {
    const { prototype } = Requests;
    const ofAll = prototype[name];
    const ofOne = new WeakMap();
    function method(...given) {
      return act(this, (...passed) => (ofOne.get(this) ?? ofAll).apply(this, passed), ...given);
    }
    // The package "xmlhttprequest" gives each request methods of its own. Another copy of this file may have seen to that.
    const keep = Object.getOwnPropertyDescriptor(prototype, name)?.set;
    if (ofAll !== undefined && keep === undefined) prototype[name] = method;
    else {
      const set = keep ?? function (own) { ofOne.set(this, own); };
      Object.defineProperty(prototype, name, { configurable: true, get: () => method, set });
    }
  }
}

/** What requests to these files are about, since they were opened. */
const requests = new WeakMap();

/** What the replaced methods do with a request; `native` is the method that was replaced. */
const ACTS = {
  open(request, native, ...given) {
    const [method, url, ...more] = given;
    requests.get(request)?.reset();
    const place = placeOf(String(url));
    if (place === undefined) {
      requests.delete(request);
      return native(...given);
    }
    const isPost = /^post$/i.test(method) && !place.rest.startsWith("/") && (more.length === 0 || more[0]);
    requests.set(request, new FileRequest(request, place, isPost));
    return native(method, place.files + place.rest, ...more);
  },
  setRequestHeader(request, native, name, value) {
    requests.get(request)?.headers.set(name.toLowerCase(), value);
    return native(name, value);
  },
  send(request, native, body) {
    const file = requests.get(request)?.largeFileIn(body);
    if (file === undefined) return native(body);
    requests.get(request).send(file);
    return undefined;
  },
  abort(request, native) {
    return requests.get(request)?.abort() ? undefined : native();
  },
};

/**
 * A request of an SDK about a file. If it posts a large one, other requests do its work, and it shows what came of them:
 *
 *   POST Uploads ──> a link ──> PUT the bytes there ──> GET Media/<sid>: the answer
 */
class FileRequest {
  headers = new Map();
  #request;
  #place;
  #isPost;
  #isRunning = false;
  #isSent = false;
  #step = null;
  #hidden = [];

  constructor(request, place, isPost) {
    this.#request = request;
    this.#place = place;
    this.#isPost = isPost;
  }

  /** The file in a body, if it is too large to be posted; undefined for any other body, which goes as it is. */
  largeFileIn(body) {
    // Pages that are not secure cannot make digests, and the package "xmlhttprequest" sends neither Blobs nor forms.
    if (!this.#isPost || globalThis.crypto?.subtle === undefined) return undefined;
    const file = bytesIn(body) ?? (this.#request.upload ? blobIn(body) : undefined);
    return file?.size > LARGEST_POST ? file : undefined;
  }

  async send(file) {
    this.#isRunning = true;
    this.#isSent = false;
    fire(this.#request, "loadstart");
    fire(this.#request.upload, "loadstart");
    const answer = await this.#upload(file).catch((error) => ({ ...NOTHING, statusText: error, text: error.stack }));
    this.#end(answer, answer.status === 0 ? "error" : "load");
  }

  /** Stop an upload; false if there is none. */
  abort() {
    if (!this.#isRunning) return false;
    this.#step?.abort();
    this.#end(NOTHING, "abort");
    this.#request.readyState = 0;
    return true;
  }

  /** Give the request back to its own methods, before it is opened for something else. */
  reset() {
    if (this.#isRunning) this.#step?.abort();
    this.#isRunning = false;
    for (const [name, own] of this.#hidden.splice(0)) {
      if (own === undefined) delete this.#request[name];
      else Object.defineProperty(this.#request, name, own);
    }
  }

  async #upload({ bytes, size, name, type }) {
    const { files, rest } = this.#place;
    const query = new URLSearchParams(rest);
    const whole = bytes instanceof Uint8Array ? bytes : await bytes.arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
    const form = new URLSearchParams({
      Size: size,
      ContentType: this.headers.get("content-type") || type || UNKNOWN_TYPE,
      Sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""),
      Category: query.get("Category") ?? "media",
    });
    const filename = name ?? query.get("Filename");
    if (filename) form.set("Filename", filename);
    for (let attempt = 1; ; attempt += 1) {
      const ticket = await this.#ask("POST", files.replace(/Media$/, "Uploads"), form);
      if (!isGood(ticket)) return ticket;
      const { sid, upload } = JSON.parse(ticket.text);
      const put = await this.#try(upload.method, upload.url, upload.headers, bytes, true);
      if (isGood(put)) {
        this.#isSent = true;
        for (const event of ["load", "loadend"]) fire(this.#request.upload, event, { loaded: size, total: size });
        return this.#ask("GET", `${files}/${sid}`);
      }
      if (attempt === MOST_ATTEMPTS) return put.status === 0 ? put : notStored();
      await pauseAfter(attempt);
    }
  }

  /** Ask Parley, again if the answer may be better then. */
  async #ask(method, url, form) {
    for (let attempt = 1; ; attempt += 1) {
      const headers = { "X-Twilio-Token": newest(this.headers.get("x-twilio-token")) };
      if (form) headers["Content-Type"] = "application/x-www-form-urlencoded";
      const answer = await this.#try(method, url, headers, form?.toString());
      if (attempt === MOST_ATTEMPTS || !PASSING.has(answer.status)) return answer;
      await pauseAfter(attempt);
    }
  }

  #try(method, url, headers, body, isFile = false) {
    return new Promise((resolve) => {
      // Whoever aborted the upload has had an answer already.
      if (!this.#isRunning) return;
      const step = (this.#step = new this.#request.constructor());
      step.open(method, url, true);
      for (const [name, value] of Object.entries(headers)) {
        // The package "xmlhttprequest" knows a type only by this name, and browsers set the other two themselves.
        if (/^content-type$/i.test(name)) step.setRequestHeader("Content-Type", value);
        else if (!/^(content-length|host)$/i.test(name)) step.setRequestHeader(name, value);
      }
      if (isFile && step.upload) step.upload.onprogress = (event) => fire(this.#request.upload, "progress", event);
      step.onreadystatechange = () => {
        if (step.readyState === 4) resolve(answerOf(step));
      };
      step.send(body);
    });
  }

  #end(answer, kind) {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    for (const [name, value] of Object.entries(shown(answer))) {
      this.#hidden.push([name, Object.getOwnPropertyDescriptor(this.#request, name)]);
      Object.defineProperty(this.#request, name, { value, configurable: true, writable: true });
    }
    fire(this.#request, "readystatechange");
    for (const target of this.#isSent ? [this.#request] : [this.#request.upload, this.#request]) {
      fire(target, kind);
      fire(target, "loadend");
    }
  }
}

function bytesIn(body) {
  if (typeof body === "string") return bytesIn(encoder.encode(body));
  if (body instanceof ArrayBuffer) return bytesIn(new Uint8Array(body));
  if (!ArrayBuffer.isView(body)) return undefined;
  const bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return { bytes, size: bytes.length };
}

/** A Blob, or the only file of a form. Parley refuses forms with several. */
function blobIn(body) {
  if (body instanceof Blob) return { bytes: body, size: body.size, type: body.type };
  if (!(body instanceof FormData)) return undefined;
  const [file, ...others] = [...body.values()].filter((value) => value instanceof Blob);
  if (file === undefined || others.length > 0) return undefined;
  return { bytes: file, size: file.size, name: file.name, type: file.type };
}

const isGood = ({ status }) => status >= 200 && status < 300;
const pauseAfter = (attempt) => new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE * 2 ** (attempt - 1)));

function answerOf(request) {
  const { status, statusText, responseText } = request;
  return { status, statusText, text: responseText, headers: request.getAllResponseHeaders() };
}

/** The answer when the bucket refuses what Parley's link allows. */
function notStored() {
  const headers = "content-type: application/json\r\n";
  return { status: NOT_STORED.status, statusText: "Service Unavailable", headers, text: JSON.stringify(NOT_STORED) };
}

/** An answer as the members of a request that has it. */
function shown({ status, statusText, headers, text }) {
  const lines = headers.split("\r\n").map((line) => line.split(": "));
  const values = new Map(lines.map(([name, ...value]) => [name.toLowerCase(), value.join(": ")]));
  return {
    readyState: 4,
    status,
    statusText,
    responseText: text,
    response: text,
    getResponseHeader: (name) => values.get(String(name).toLowerCase()) ?? null,
    getAllResponseHeaders: () => headers,
  };
}

/** Tell an event. The package "xmlhttprequest" takes names of events, and has none of the upload. */
function fire(target, name, { lengthComputable = true, loaded = 0, total = 0 } = {}) {
  if (!(target instanceof EventTarget)) target?.dispatchEvent(name);
  else if (name === "readystatechange") target.dispatchEvent(new Event(name));
  else target.dispatchEvent(new ProgressEvent(name, { lengthComputable, loaded, total }));
}
