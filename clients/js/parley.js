/**
 * The JavaScript client of Parley, for browsers and Node: one module without dependencies.
 *
 * `ChannelFollower` decides which pushes of a channel are news and when to ask for what is missing; it knows neither
 * sockets nor timers. `Connection` keeps a socket open and pairs requests with replies. `Session` turns both into
 * objects and events: `Client`, `Channel`, `Message`, `Member`, `User`. The application sees every change of a channel
 * once and in order.
 */

import { ChannelFollower } from "./parley/follower.js";
import { Recent } from "./parley/recent.js";

export { ChannelFollower };

const SUBPROTOCOL = "parley.v1";
const LARGEST_FRAME_BYTES = 32_000;
const REQUEST_TIMEOUT = 30_000;
const OPEN_TIMEOUT = 20_000;
const KEEP_ALIVE = 240_000;
const PONG_TIMEOUT = 10_000;
const FIRST_BACKOFF = 500;
const LONGEST_BACKOFF = 30_000;
/** A connection that held this long was a good one: the next pause starts small again. */
const LASTING = 30_000;
/** API Gateway cuts after two hours. */
const HANDOVER_AFTER = 110 * 60_000;
const HANDOVER_JITTER = 8 * 60_000;
const HANDOVER_RETRY = 30_000;
const DRAIN_TIMEOUT = 10_000;
const PROBE_TIMEOUT = 5_000;
/** How long handshakes fail, without a status and with a server that can be reached, until the token is blamed. */
const REFUSED_AT_FIRST = 10_000;
const REFUSED_LATER = 60_000;
const MOST_RETRIES = 3;
const TOKEN_LEAD = 180_000;
/** Of a token younger than this the server's word that it is about to expire is not taken: it would go in circles. */
const YOUNG_TOKEN = 10_000;
const LONGEST_WAIT_FOR_TYPING = 1_000;
const LONGEST_TIMER = 2 ** 31 - 1;

const ASK_AGAIN_AFTER = 1_000;
const MOST_ASKS = 3;
const KNOWN_RECORDS = 2_000;
/** How many channels that one cannot see any more are kept for when one can again. */
const REMOVED_CHANNELS = 100;
const CHANNELS_PER_CATCH_UP = 100;
const FOLLOWED_USERS = 100;
/** So many with the largest names and attributes fit into one reply. */
const USERS_PER_REQUEST = 10;
const STRAYS_PER_CHANNEL = 100;
const LARGEST_PAGE = 100;

const TOO_MANY_CONNECTIONS = 51001;
const TOKEN_EXPIRED = 20104;
const NOT_FOUND = 20404;
const WRONG_GRANTS = 20106;
/** Refused for being too fast: the same again a little later will do. */
const TRY_LATER = new Set([51002, 50063, 50074]);
/** Refused for the connection's sake, not the request's: it may be sent again over another connection. */
const CONNECTION_IS_OVER = new Set([51006, TOKEN_EXPIRED, 20103]);

/** What the server refused, with `status` and `code`; or, in subclasses, what kept a request from being answered. */
export class ParleyError extends Error {
  constructor(message, status = null, code = null) {
    super(message);
    this.name = new.target.name;
    this.status = status;
    this.code = code;
  }
}

/** The connection broke after the request was sent: whether it was carried out is unknown. */
export class ConnectionLostError extends ParleyError {}

/** No reply within 30 seconds, the time without a connection included. */
export class RequestTimeoutError extends ParleyError {}

/** The request does not fit into one WebSocket frame that API Gateway takes. */
export class FrameTooLargeError extends ParleyError {}

/** The socket did not open: it was refused, with a status where the platform shows one, or nobody answered. */
class HandshakeError extends ParleyError {
  constructor(message, status, wasTimeout = false) {
    super(message, status);
    this.wasTimeout = wasTimeout;
  }
}

/** The platform cannot even offer this text as a sub-protocol, so no server ever takes it. */
class UnusableTokenError extends ParleyError {}

/** Listeners by event name. A listener that throws does not disturb the others; its error surfaces as uncaught. */
class Emitter {
  #listeners = new Map();

  on(event, listener) {
    if (typeof listener !== "function") throw new TypeError("a listener is a function");
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), { listener, call: listener }]);
    return this;
  }

  once(event, listener) {
    const entry = {
      listener,
      call: (payload) => {
        this.off(event, listener);
        listener.call(this, payload);
      },
    };
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), entry]);
    return this;
  }

  off(event, listener) {
    const entries = this.#listeners.get(event) ?? [];
    const found = entries.map((entry) => entry.listener).lastIndexOf(listener);
    const rest = entries.filter((_, position) => position !== found);
    this.#listeners.set(event, rest);
    return this;
  }

  addListener(event, listener) {
    return this.on(event, listener);
  }

  removeListener(event, listener) {
    return this.off(event, listener);
  }

  removeAllListeners(event) {
    if (event === undefined) this.#listeners.clear();
    else this.#listeners.delete(event);
    return this;
  }

  listenerCount(event) {
    return this.#listeners.get(event)?.length ?? 0;
  }

  _emit(event, payload) {
    for (const { call } of this.#listeners.get(event) ?? []) {
      try {
        call.call(this, payload);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** What the client takes from the platform, each replaceable by an option. */
function environment(options) {
  if (!/^wss?:\/\//.test(options.url ?? "")) throw new TypeError("options.url is to begin with wss:// or ws://");
  const WebSocketClass = options.WebSocket ?? globalThis.WebSocket;
  if (WebSocketClass === undefined) {
    throw new TypeError(
      'This platform has no WebSocket (Node has one since 22): pass a class as options.WebSocket, that of "ws" say',
    );
  }
  const timers = options.timers ?? {
    setTimeout: (callback, delay) => globalThis.setTimeout(callback, delay),
    clearTimeout: (timer) => globalThis.clearTimeout(timer),
  };
  return {
    url: options.url,
    WebSocket: WebSocketClass,
    after: (delay, callback) => timers.setTimeout(callback, Math.min(Math.max(delay, 0), LONGEST_TIMER)),
    cancel: (timer) => timers.clearTimeout(timer),
    random: options.random ?? Math.random,
    now: options.clock ?? Date.now,
    fetch: options.fetch ?? ((...request) => globalThis.fetch(...request)),
  };
}

/** `crypto.randomUUID` is there on secure pages only. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** What a token says of itself, null where it does not say or cannot be read. */
function claimsOf(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const { exp, grants } = JSON.parse(new TextDecoder().decode(bytes));
    return { expiresAt: Number.isFinite(exp) ? exp * 1000 : null, identity: grants?.identity ?? null };
  } catch {
    return { expiresAt: null, identity: null };
  }
}

function checkToken(text) {
  if (typeof text !== "string" || text === "") throw new TypeError("an access token is a text");
  return text;
}

/** The current token, where new ones come from, and the two moments of its life that are announced, once each. */
class Tokens {
  #provider;
  #environment;
  #hooks;
  #current = null;
  #timers = [];
  #isOver = false;

  constructor(source, environment, hooks) {
    this.#environment = environment;
    this.#hooks = hooks;
    if (typeof source === "function") this.#provider = source;
    else this.#take(source);
  }

  get hasProvider() {
    return this.#provider !== undefined;
  }

  get text() {
    return this.#current.text;
  }

  /** A token for an attempt to connect: new from the provider, or the one that was given. */
  async forAttempt() {
    if (this.#provider) this.#take(await this.#provider());
    else this.#watch();
    return this.text;
  }

  /** Take a token in place of the current one. */
  renew(text) {
    this.#take(text);
  }

  /** A new one from the provider, which does not become the current one by that. */
  async fromProvider() {
    return checkToken(await this.#provider());
  }

  /** The server's word on the expiry, for a token that says nothing itself. */
  expiresAt(moment) {
    if (this.#current.expiresAt !== null || !Number.isFinite(moment)) return;
    this.#current.expiresAt = moment;
    this.#watch();
  }

  serverSaysAboutToExpire() {
    if (this.#environment.now() - this.#current.takenAt >= YOUNG_TOKEN) this.#aboutToExpire();
  }

  #aboutToExpire() {
    const { isAnnounced, expiresAt } = this.#current;
    if (isAnnounced) return;
    this.#current.isAnnounced = true;
    this.#hooks.aboutToExpire(expiresAt === null ? TOKEN_LEAD : Math.max(0, expiresAt - this.#environment.now()));
  }

  expired() {
    if (this.#current.isExpired) return;
    this.#current.isExpired = true;
    this.#hooks.expired();
  }

  stop() {
    this.#timers.forEach((timer) => this.#environment.cancel(timer));
    this.#timers = [];
  }

  /** Watch no token any more, not even one that the provider is still asked for. */
  end() {
    this.#isOver = true;
    this.stop();
  }

  #take(text) {
    const { expiresAt, identity } = claimsOf(checkToken(text));
    const before = this.#hooks.identity();
    if (identity !== null && before !== null && identity !== before) {
      throw new ParleyError(`the token is of ${identity}, and the client is ${before}`, 403, WRONG_GRANTS);
    }
    const takenAt = this.#environment.now();
    this.#current = { text, takenAt, expiresAt, isAnnounced: false, isExpired: false };
    this.#watch();
  }

  #watch() {
    this.stop();
    if (this.#isOver) return;
    const { expiresAt, takenAt } = this.#current;
    // A token that was over when it came: this clock is wrong, and only the server knows.
    if (expiresAt === null || expiresAt <= takenAt) return;
    const lead = Math.min(TOKEN_LEAD, (expiresAt - takenAt) / 2);
    const left = expiresAt - this.#environment.now();
    this.#timers = [
      this.#environment.after(left - lead, () => this.#aboutToExpire()),
      this.#environment.after(left, () => this.expired()),
    ];
  }
}

/** One socket: frames out and in, the requests that wait for a reply on it, and its keep-alive. */
class Link {
  /** Requests without a reply yet, by id. */
  pending = new Map();
  isDueForHandover = false;
  promotedAt = null;
  #socket;
  #environment;
  #hooks;
  #isOpen = false;
  #isOver = false;
  #status = null;
  #openTimer;
  #idleTimer;
  #pongTimer = null;
  #settleOpened;

  constructor(token, environment, hooks) {
    /** The one that the server knows this socket by. */
    this.token = token;
    this.#environment = environment;
    this.#hooks = hooks;
    this.opened = new Promise((resolve, reject) => {
      this.#settleOpened = { resolve, reject };
    });
    try {
      this.#socket = new environment.WebSocket(environment.url, [SUBPROTOCOL, token]);
    } catch (error) {
      throw error.name === "SyntaxError" ? new UnusableTokenError(error.message) : error;
    }
    this.#openTimer = environment.after(OPEN_TIMEOUT, () => this.#end("the socket did not open in time", true));
    this.#socket.onopen = () => this.#begin();
    this.#socket.onmessage = (event) => this.#read(event.data);
    // Node's own class tells of a refused handshake by an error only, and of no status, as browsers do.
    this.#socket.onerror = (event) => {
      // The package "ws" tells the status, in this way.
      this.#status = Number(/server response: (\d{3})/.exec(event?.message ?? "")?.[1]) || null;
      this.#end(this.#isOpen ? "the socket failed" : "the socket did not open");
    };
    this.#socket.onclose = (event) => this.#end(`the socket closed (${event?.code ?? 1006})`);
  }

  /** Whether what is sent now may arrive. */
  get isUsable() {
    return this.#isOpen && !this.#isOver && this.#socket.readyState === 1;
  }

  send(text) {
    this.#socket.send(text);
    this.#restartIdleTimer();
  }

  /** Ask for a sign of life, and give the socket up if none comes. */
  check() {
    if (!this.isUsable || this.#pongTimer !== null) return;
    this.send('{"action":"ping"}');
    this.#pongTimer = this.#environment.after(PONG_TIMEOUT, () => this.#end("no answer to a ping"));
  }

  /** Give the socket up now: the closing handshake of a dead network would take long. */
  abandon(reason) {
    this.#end(reason);
  }

  #begin() {
    if (this.#isOver) return;
    this.#isOpen = true;
    this.#environment.cancel(this.#openTimer);
    this.#restartIdleTimer();
    this.#settleOpened.resolve();
  }

  #read(data) {
    if (this.#isOver) return;
    this.#environment.cancel(this.#pongTimer);
    this.#pongTimer = null;
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    if (Array.isArray(frame)) frame.forEach((push) => this.#hooks.push(push, this));
    else if (frame?.event !== undefined) this.#hooks.push(frame, this);
    else if (frame?.id !== undefined) this.#hooks.reply(frame, this);
  }

  #end(reason, wasTimeout = false) {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of [this.#openTimer, this.#idleTimer, this.#pongTimer]) this.#environment.cancel(timer);
    if (this.#socket.readyState < 2) this.#socket.close(1000);
    if (!this.#isOpen) this.#settleOpened.reject(new HandshakeError(reason, this.#status, wasTimeout));
    this.#hooks.over(this, reason);
  }

  #restartIdleTimer() {
    this.#environment.cancel(this.#idleTimer);
    this.#idleTimer = this.#environment.after(KEEP_ALIVE, () => this.check());
  }
}

/**
 * Keeps one socket open, over as many sockets as it takes, and answers requests.
 *
 *   connecting ──> connected ──> connecting ...      the socket broke, or is replaced before its two hours are over
 *       │              └──> disconnecting ──> disconnected          shutdown; or waiting for `updateToken`
 *       └──> denied                                  the token was refused; `updateToken` begins anew
 *
 * Hooks: `start(ask)` runs on each new socket before it is used; `push`, `stateChanged`, `error`, `tokenAboutToExpire`,
 * `tokenExpired`.
 */
class Connection {
  state = "disconnected";
  #environment;
  #hooks;
  #tokens;
  #current = null;
  #links = new Set();
  /** All that are not settled yet, wherever they wait: for a connection, a reply, or to be made again. */
  #requests = new Set();
  #queue = [];
  #counter = 0;
  #failures = 0;
  #refusedSince = null;
  #wasConnected = false;
  #isEstablishing = false;
  #isStopped = true;
  /** Whether it is shut down, which is for good. */
  #isOver = false;
  #needsToken = false;
  #denial = null;
  #pauseBefore = null;
  #wake = null;
  #handoverTimer = null;
  #renewalTimer = null;

  constructor(tokenOrProvider, environment, hooks) {
    this.#environment = environment;
    this.#hooks = hooks;
    this.#tokens = new Tokens(tokenOrProvider, environment, {
      aboutToExpire: (left) => this.#tokenAboutToExpire(left),
      expired: () => hooks.tokenExpired(),
      identity: () => hooks.identity(),
    });
  }

  /** Connect, if that is not under way; throws the refusal while the token is refused. */
  start() {
    this.checkNotOver();
    if (this.state === "denied") throw this.#denial;
    this.#isStopped = false;
    this.#establish();
  }

  /** Send a request, at once or when there is a connection; resolves with its result. */
  request(action, members = {}, kind = "write") {
    if (this.state === "denied") return Promise.reject(this.#denial);
    if (this.#isOver) return Promise.reject(new ConnectionLostError("the client is shut down"));
    if (this.#isStopped) return Promise.reject(new ConnectionLostError("the client is not initialized"));
    return this.#request(action, members, kind, null);
  }

  /** Go on with another token, or with the one before if the server refuses it. */
  async updateToken(token) {
    this.checkNotOver();
    if (this.#current !== null) {
      await this.#handIn(checkToken(token));
      return;
    }
    this.#adopt(token);
  }

  checkNotOver() {
    if (this.#isOver) throw new ConnectionLostError("the client is shut down");
  }

  async stop() {
    this.#isOver = true;
    this.#tokens.end();
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#setState("disconnecting");
    this.#release(new ConnectionLostError("the client is shut down"));
    this.#setState("disconnected");
  }

  /** The expiry that the server told, for a token that says nothing itself. */
  tokenExpiresAt(moment) {
    this.#tokens.expiresAt(moment);
  }

  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.#hooks.stateChanged(state);
  }

  /** Reject everything, close everything. */
  #release(error) {
    this.#tokens.stop();
    this.#environment.cancel(this.#handoverTimer);
    this.#environment.cancel(this.#renewalTimer);
    this.#wake?.();
    this.#queue = [];
    this.#current = null;
    for (const link of this.#links) {
      link.pending.clear();
      link.abandon("closed by the client");
    }
    this.#requests.forEach((request) => this.#settle(request, () => request.reject(error)));
  }

  // Opening

  async #establish() {
    if (this.#isEstablishing) return;
    this.#isEstablishing = true;
    while (this.#isWanted()) {
      if (this.#current === null) this.#setState("connecting");
      if (this.#pauseBefore !== null) await this.#pause(this.#pauseBefore);
      this.#pauseBefore = null;
      if (!this.#isWanted()) break;
      const failure = await this.#attempt();
      if (failure === null || !this.#isWanted()) continue;
      const isFinal = await this.#isFinal(failure);
      if (!this.#isWanted()) break;
      if (isFinal) {
        this.#deny(failure);
      } else {
        this.#hooks.error({ terminal: false, ...told(failure) });
        this.#pauseBefore = this.#backoff();
      }
    }
    this.#isEstablishing = false;
    if (this.#needsToken && !this.#isStopped && this.#current === null) this.#setState("disconnected");
  }

  #isWanted() {
    if (this.#isStopped || this.#needsToken) return false;
    return this.#current === null || this.#current.isDueForHandover;
  }

  /** Open a socket, start the session on it and use it from then on; returns why not, or null. */
  async #attempt() {
    let link;
    try {
      const token = await this.#tokens.forAttempt();
      if (!this.#isWanted()) return null;
      link = this.#open(token);
      await link.opened;
      this.#refusedSince = null;
      await this.#hooks.start((action, members) => this.#request(action, members, "read", link));
      if (!link.isUsable) throw new ConnectionLostError("the connection broke while the session started");
      this.#promote(link);
      return null;
    } catch (error) {
      link?.abandon("given up");
      if (link && link.token !== this.#tokens.text) return new ConnectionLostError("another token came meanwhile");
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #open(token) {
    const link = new Link(token, this.#environment, {
      push: (push, from) => this.#push(push, from),
      reply: (frame, from) => this.#reply(frame, from),
      over: (ended) => this.#over(ended),
    });
    link.opened.catch(() => {});
    this.#links.add(link);
    return link;
  }

  #promote(link) {
    const before = this.#current;
    this.#current = link;
    this.#wasConnected = true;
    link.promotedAt = this.#environment.now();
    this.#queue.splice(0).forEach((request) => this.#dispatch(request));
    this.#setState("connected");
    this.#environment.cancel(this.#handoverTimer);
    const lifetime = HANDOVER_AFTER + (this.#environment.random() - 0.5) * HANDOVER_JITTER;
    this.#handoverTimer = this.#environment.after(lifetime, () => {
      link.isDueForHandover = true;
      this.#establish();
    });
    if (before !== null) this.#drain(before);
  }

  /** Replies to what was asked on the old socket still come on it. */
  #drain(link) {
    link.isDraining = true;
    if (link.pending.size === 0) link.abandon("replaced");
    else link.drainTimer = this.#environment.after(DRAIN_TIMEOUT, () => link.abandon("replaced"));
  }

  #backoff() {
    if (this.#current !== null) return HANDOVER_RETRY * (1 + this.#environment.random());
    const longest = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** this.#failures);
    this.#failures += 1;
    return this.#environment.random() * longest;
  }

  #pause(delay) {
    return new Promise((resolve) => {
      const timer = this.#environment.after(delay, resolve);
      this.#wake = () => {
        this.#environment.cancel(timer);
        resolve();
      };
    });
  }

  /** Whether trying again is of no use. */
  async #isFinal(failure) {
    if (this.#current !== null) return false;
    if (failure instanceof UnusableTokenError) return true;
    if (!(failure instanceof HandshakeError)) return false;
    if (failure.status !== null) {
      return failure.status >= 400 && failure.status < 500 && failure.status !== 408 && failure.status !== 429;
    }
    if (failure.wasTimeout) {
      this.#refusedSince = null;
      return false;
    }
    this.#refusedSince ??= this.#environment.now();
    if (this.#environment.now() - this.#refusedSince < this.#patience()) return false;
    const isReachable = await this.#isReachable();
    if (!isReachable) this.#refusedSince = null;
    return isReachable;
  }

  /** A server in trouble looks like one that refuses the token, and who has once given good ones may again. */
  #patience() {
    if (!this.#wasConnected) return REFUSED_AT_FIRST;
    return this.#tokens.hasProvider ? Infinity : REFUSED_LATER;
  }

  /**
   * Tells a refused handshake from a broken network where the platform shows no status: does anything answer? What it
   * says of the token is not to be learned so: this is no handshake, and browsers hide the answer.
   */
  async #isReachable() {
    const url = this.#environment.url.replace(/^ws/, "http");
    let timer;
    const tooLate = new Promise((resolve) => {
      timer = this.#environment.after(PROBE_TIMEOUT, () => resolve(false));
    });
    const answered = Promise.resolve()
      .then(() => this.#environment.fetch(url, { mode: "no-cors", cache: "no-store", credentials: "omit" }))
      .then(({ status }) => status !== 429 && !(status >= 500))
      .catch(() => false);
    const isReachable = await Promise.race([answered, tooLate]);
    this.#environment.cancel(timer);
    return isReachable;
  }

  #deny(failure) {
    this.#isStopped = true;
    this.#refusedSince = null;
    this.#denial = new ParleyError(`the token was refused: ${failure.message}`, failure.status, failure.code);
    this.#release(this.#denial);
    this.#setState("denied");
    this.#hooks.error({ terminal: true, ...told(this.#denial) });
  }

  // Requests

  #request(action, members, kind, link) {
    const id = kind === "once" ? uuid() : String((this.#counter += 1));
    const text = JSON.stringify({ ...members, id, action });
    const size = new TextEncoder().encode(text).length;
    if (size > LARGEST_FRAME_BYTES) {
      const message = `a request of ${size} bytes is over the ${LARGEST_FRAME_BYTES} that fit into one frame`;
      return Promise.reject(new FrameTooLargeError(message));
    }
    return new Promise((resolve, reject) => {
      const request = { id, text, kind, link, resolve, reject, refusals: 0 };
      this.#requests.add(request);
      request.timer = this.#environment.after(REQUEST_TIMEOUT, () => this.#expire(request));
      this.#dispatch(request);
    });
  }

  #dispatch(request) {
    if (!this.#requests.has(request)) return;
    const link = request.link ?? this.#current;
    if (link?.isUsable) {
      link.pending.set(request.id, request);
      link.send(request.text);
    } else if (request.link !== null) {
      this.#settle(request, () => request.reject(new ConnectionLostError("the connection broke")));
    } else {
      this.#queue.push(request);
    }
  }

  #reply(frame, link) {
    const request = link.pending.get(frame.id);
    if (request === undefined) return;
    link.pending.delete(frame.id);
    const { status, error } = frame;
    if (error === undefined) {
      this.#settle(request, () => request.resolve(frame.result ?? null));
    } else if (CONNECTION_IS_OVER.has(error.code) && request.link === null) {
      this.#leave(link, request, error.code);
    } else if (TRY_LATER.has(error.code) && request.refusals < MOST_RETRIES) {
      request.refusals += 1;
      const pause = 1_000 + this.#environment.random() * 3_000;
      request.pause = this.#environment.after(pause, () => this.#dispatch(request));
    } else {
      this.#settle(request, () => request.reject(new ParleyError(error.message, status, error.code)));
    }
    if (link.isDraining && link.pending.size === 0) link.abandon("replaced");
  }

  /** The server no longer takes requests here; the refused one goes out again on the next connection. */
  #leave(link, request, code) {
    if (code === TOKEN_EXPIRED) this.#serverSaysExpired(link);
    link.abandon("refused by the server");
    this.#dispatch(request);
  }

  #expire(request) {
    const carrier = [...this.#links].find((link) => link.pending.delete(request.id));
    this.#queue = this.#queue.filter((waiting) => waiting !== request);
    this.#settle(request, () => request.reject(new RequestTimeoutError("no reply in time")));
    // A socket that answers nothing may be dead without knowing.
    carrier?.check();
  }

  #settle(request, settle) {
    if (!this.#requests.delete(request)) return;
    this.#environment.cancel(request.timer);
    this.#environment.cancel(request.pause);
    settle();
  }

  // Being told

  #push(push, link) {
    if (push.event === "tokenAboutToExpire") this.#serverSaysAboutToExpire(link);
    else if (push.event === "tokenExpired") this.#serverSaysExpired(link);
    else if (push.event === "connectionError") this.#serverComplains(push, link);
    else this.#hooks.push(push);
  }

  #serverSaysAboutToExpire(link) {
    if (link.token === this.#tokens.text) this.#tokens.serverSaysAboutToExpire();
    else if (!link.isDraining) this.#bringUpToDate(link);
  }

  #serverSaysExpired(link) {
    // The server may know this socket by a token from before the current one.
    if (link.token !== this.#tokens.text) return;
    this.#tokens.expired();
    if (!this.#tokens.hasProvider) this.#needsToken = true;
  }

  #serverComplains(push, link) {
    const { terminal = false, status, code, message } = push;
    this.#hooks.error({ terminal, message, httpStatusCode: status, errorCode: code });
    if (code === TOKEN_EXPIRED) this.#serverSaysExpired(link);
    // Two devices that displace each other must not do so as fast as they can.
    if (code === TOO_MANY_CONNECTIONS) link.pauseAfter = LONGEST_BACKOFF * (0.5 + this.#environment.random() / 2);
  }

  #over(link) {
    this.#links.delete(link);
    this.#environment.cancel(link.drainTimer);
    const unanswered = [...link.pending.values()];
    link.pending.clear();
    if (link === this.#current) {
      this.#current = null;
      this.#environment.cancel(this.#handoverTimer);
      if (this.#environment.now() - link.promotedAt >= LASTING) this.#failures = 0;
      this.#pauseBefore = link.pauseAfter ?? this.#backoff();
    }
    for (const request of unanswered) {
      if (request.link === null && request.kind !== "write") this.#dispatch(request);
      else this.#settle(request, () => request.reject(new ConnectionLostError("the connection broke")));
    }
    if (this.#isStopped || this.#current !== null) return;
    this.#setState(this.#needsToken ? "disconnected" : "connecting");
    this.#establish();
  }

  // Tokens

  #tokenAboutToExpire(left) {
    this.#hooks.tokenAboutToExpire(left);
    if (this.#tokens.hasProvider && this.#current !== null) this.#renewToken();
  }

  async #renewToken() {
    for (let attempt = 0; this.#current !== null; attempt += 1) {
      const link = this.#current;
      try {
        const token = await this.#tokens.fromProvider();
        if (this.#current !== null) await this.#handIn(token);
        return;
      } catch (error) {
        // A new connection has a new token anyway.
        if (this.#isStopped || this.#current !== link) return;
        this.#hooks.error({ terminal: false, ...told(error) });
        await this.#waitToRenew(Math.min(LONGEST_BACKOFF, 1_000 * 2 ** attempt));
      }
    }
  }

  #waitToRenew(longest) {
    const delay = longest * (0.5 + this.#environment.random() / 2);
    return new Promise((resolve) => {
      this.#renewalTimer = this.#environment.after(delay, resolve);
    });
  }

  /** Go on with a token: over the same socket, or over another if the server is done with that one. */
  async #handIn(token) {
    for (let link; (link = this.#current) !== null;) {
      try {
        await this.#refresh(link, token);
        this.#adopt(token);
        return;
      } catch (error) {
        if (error instanceof RequestTimeoutError) this.#adopt(token);
        if (!(await this.#isOverFor(link, error))) throw error;
        link.abandon("refused by the server");
      }
    }
    this.#adopt(token);
    // Whether the token is good shows in the connection that is opened with it.
    await this.request("fetchSession", {}, "read");
  }

  async #refresh(link, token) {
    await this.#request("refreshToken", { token }, "read", link);
    link.token = token;
  }

  /** Whether what kept a token from being taken over this socket is the socket's end, and not the token. */
  async #isOverFor(link, error) {
    if (error instanceof ConnectionLostError) return true;
    if (!CONNECTION_IS_OVER.has(error.code)) return false;
    // Most of these codes may be said of the new token just as well.
    try {
      await this.#request("fetchSession", {}, "read", link);
    } catch {
      return true;
    }
    return false;
  }

  /** Make a token the current one, and connect with it if there is no connection. */
  #adopt(token) {
    this.#tokens.renew(token);
    if (this.state === "denied" && !this.#isOver) this.#isStopped = false;
    this.#needsToken = false;
    this.#refusedSince = null;
    if (this.#current !== null) return;
    this.#wake?.();
    this.#establish();
  }

  /** A socket that was being opened while another token was handed in has yet to be told of that one. */
  async #bringUpToDate(link) {
    try {
      await this.#refresh(link, this.#tokens.text);
    } catch (error) {
      // Another socket is opened with the current token anyway.
      if (!(error instanceof ConnectionLostError)) this.#hooks.error({ terminal: false, ...told(error) });
    }
  }
}

function told(failure) {
  const details = { message: failure.message };
  if (failure.status) details.httpStatusCode = failure.status;
  if (failure.code) details.errorCode = failure.code;
  return details;
}

const parsedDate = (text) => (text ? new Date(text) : null);

function parsedAttributes(text) {
  try {
    return JSON.parse(text ?? "{}") ?? {};
  } catch {
    return {};
  }
}

function checkedAttributes(attributes) {
  if (attributes === undefined || attributes === null) return undefined;
  if (typeof attributes !== "object" || Array.isArray(attributes)) throw new TypeError("attributes are an object");
  return attributes;
}

/** An object of the server's that is kept up to date: of two versions of its record the newer one is shown. */
class Live extends Emitter {
  _view = {};
  _seq = -1;
  _version = -1;

  constructor(session) {
    super();
    Object.defineProperty(this, "_session", { value: session });
  }

  get sid() {
    return this._view.sid;
  }

  get attributes() {
    return this._attributes;
  }

  get dateCreated() {
    return parsedDate(this._view.date_created);
  }

  get dateUpdated() {
    return parsedDate(this._view.date_updated);
  }

  /** Show a view unless a newer one is shown; what the view leaves out stays. */
  _apply(view) {
    const seq = view.seq ?? this._seq;
    // A channel's `seq` is that of all that is in it, so its own versions have another number.
    const version = view.version ?? seq;
    if (version < this._version || (version === this._version && seq < this._seq)) return this;
    this._version = version;
    this._seq = Math.max(seq, this._seq);
    const before = this._view.attributes;
    this._view = { ...this._view, ...view };
    if (this._attributes === undefined || this._view.attributes !== before) {
      this._attributes = parsedAttributes(this._view.attributes);
    }
    return this;
  }
}

/** One page of a list, and the way to its neighbours. */
export class Paginator {
  #next;
  #previous;

  constructor(items, next = null, previous = null) {
    this.items = items;
    this.#next = next;
    this.#previous = previous;
  }

  get hasNextPage() {
    return this.#next !== null;
  }

  get hasPrevPage() {
    return this.#previous !== null;
  }

  async nextPage() {
    if (this.#next === null) throw new RangeError("there is no next page");
    return this.#next();
  }

  async prevPage() {
    if (this.#previous === null) throw new RangeError("there is no previous page");
    return this.#previous();
  }
}

/** A user, kept up to date while it is followed. */
export class User extends Live {
  _isFollowed = false;

  get identity() {
    return this._view.identity;
  }

  get friendlyName() {
    return this._view.friendly_name;
  }

  get roleSid() {
    return this._view.role_sid;
  }

  /** Null where the service does not tell. */
  get online() {
    return this._view.is_online ?? null;
  }

  get notifiable() {
    return this._view.is_notifiable ?? null;
  }

  get isSubscribed() {
    return this._isFollowed;
  }

  async updateFriendlyName(friendlyName) {
    return this.#update({ friendly_name: friendlyName });
  }

  async updateAttributes(attributes) {
    return this.#update({ attributes: checkedAttributes(attributes) });
  }

  /** No longer hear of changes of this user. */
  async unsubscribe() {
    await this._session.unfollow(this);
  }

  async #update(members) {
    return this._apply(await this._session.request("updateUser", { identity: this.identity, ...members }));
  }
}

/** A member of a channel. Of one who left only what was known before is there, at least `sid` and `identity`. */
export class Member extends Live {
  _isTyping = false;

  constructor(session, channel) {
    super(session);
    Object.defineProperty(this, "channel", { value: channel, enumerable: true });
  }

  get identity() {
    return this._view.identity;
  }

  get roleSid() {
    return this._view.role_sid ?? null;
  }

  get lastConsumedMessageIndex() {
    return this._view.last_consumed_message_index ?? null;
  }

  get lastConsumptionTimestamp() {
    return parsedDate(this._view.last_consumption_timestamp);
  }

  get isTyping() {
    return this._isTyping;
  }

  async updateAttributes(attributes) {
    const members = { channel: this.channel.sid, identity: this.identity, attributes: checkedAttributes(attributes) };
    return this._apply(await this._session.request("updateMember", members));
  }

  async remove() {
    await this.channel.removeMember(this);
  }

  async getUser() {
    return this._session.follow(this.identity);
  }
}

/** A message. Of a removed one only what was known of it before is there, at least `sid` and `index`. */
export class Message extends Live {
  constructor(session, channel) {
    super(session);
    Object.defineProperty(this, "channel", { value: channel, enumerable: true });
  }

  get index() {
    return this._view.index;
  }

  get author() {
    return this._view.from ?? null;
  }

  get body() {
    return this._view.body ?? null;
  }

  get type() {
    return this._view.type ?? "text";
  }

  get media() {
    const media = this._view.media;
    if (!media) return null;
    return { sid: media.sid, size: media.size, contentType: media.content_type, filename: media.filename ?? null };
  }

  get timestamp() {
    return this.dateCreated;
  }

  get lastUpdatedBy() {
    return this._view.last_updated_by ?? null;
  }

  async updateBody(body) {
    return this.#update({ body });
  }

  async updateAttributes(attributes) {
    return this.#update({ attributes: checkedAttributes(attributes) });
  }

  async remove() {
    await this._session.request("deleteMessage", { channel: this.channel.sid, message: this.sid });
    return this;
  }

  /** The author's membership. */
  async getMember() {
    return this.channel.getMemberByIdentity(this.author);
  }

  async #update(members) {
    const address = { channel: this.channel.sid, message: this.sid };
    return this._apply(await this._session.request("updateMessage", { ...address, ...members }));
  }
}

/** A channel, kept up to date while one is joined to it or invited. */
export class Channel extends Live {
  _status = "notParticipating";
  _follower = null;
  /** The `seq` of the last change of our own membership. */
  _membershipSeq = -1;
  _isAnnounced = false;
  _userChannel = {};
  _messages = new Recent(KNOWN_RECORDS);
  _members = new Recent(KNOWN_RECORDS);
  _removed = new Recent(KNOWN_RECORDS);
  _typing = new Map();
  _lastMessage = null;
  /** The highest index in any answer so far, which may be ahead of what was pushed. */
  #highestIndex = -1;
  #quietUntil = 0;
  #lastSending = Promise.resolve();
  /** The request that says that one is typing, while it is under way. */
  #saysTyping = null;

  get uniqueName() {
    return this._view.unique_name ?? null;
  }

  get friendlyName() {
    return this._view.friendly_name ?? null;
  }

  get type() {
    return this._view.type;
  }

  get isPrivate() {
    return this.type === "private";
  }

  get createdBy() {
    return this._view.created_by;
  }

  get status() {
    return this._status;
  }

  /** `index` and, once it is known, `dateCreated`; null while the channel is empty. */
  get lastMessage() {
    return this._lastMessage;
  }

  get lastConsumedMessageIndex() {
    return this._userChannel.last_consumed_message_index ?? null;
  }

  get notificationLevel() {
    return this._userChannel.notification_level ?? "default";
  }

  async join(attributes) {
    if (this._status === "joined") return this;
    const action = this._status === "invited" ? "acceptInvitation" : "joinChannel";
    return this.#join(action, attributes);
  }

  async acceptInvitation(attributes) {
    return this.#join("acceptInvitation", attributes);
  }

  async leave() {
    await this.#request("leaveChannel");
    this._session.left(this);
    return this;
  }

  async decline() {
    await this.#request("declineInvitation");
    this._session.left(this);
    return this;
  }

  async invite(identity) {
    await this.#request("inviteMember", { identity });
  }

  async add(identity, attributes) {
    await this.#request("addMember", { identity, attributes: checkedAttributes(attributes) });
  }

  async removeMember(memberOrIdentity) {
    const identity = memberOrIdentity instanceof Member ? memberOrIdentity.identity : memberOrIdentity;
    await this.#request("removeMember", { identity });
  }

  /** All members, oldest first. */
  async getMembers() {
    const views = await this._session.listAll("listMembers", "members", { channel: this.sid });
    return views.filter((view) => !this._isRemoved(view)).map((view) => this._member(view));
  }

  async getMemberByIdentity(identity) {
    return this._member(await this.#request("fetchMember", { identity }, "read"));
  }

  /** The server takes a member's SID for an identity as well. */
  async getMemberBySid(sid) {
    return this.getMemberByIdentity(sid);
  }

  /** The members as users, as of now. */
  async getUserDescriptors(pageSize = 30) {
    const ofMember = ({ identity }) =>
      this._session.descriptor(identity).catch((error) => {
        // A deleted user's memberships outlive it for a while.
        if (error.status === 404) return null;
        throw error;
      });
    return this._session.page("listMembers", "members", { channel: this.sid, page_size: pageSize }, ofMember);
  }

  async getMembersCount() {
    return (await this._fetch()).members_count;
  }

  async getMessagesCount() {
    return (await this._fetch()).messages_count;
  }

  /** How many messages lie above the consumption horizon; null while there is no horizon. */
  async getUnconsumedMessagesCount() {
    const fetched = await this.#request("fetchMyChannel", {}, "read");
    this._apply(fetched.channel);
    return this._consumed(fetched.user_channel);
  }

  /** A page of messages, oldest first, that ends (`backwards`) or begins (`forward`) at an index, that one included. */
  async getMessages(pageSize = 30, anchor = "end", direction = "backwards") {
    const at = anchor === "end" ? null : anchor;
    return direction === "forward" ? this.#messagesFrom(at, pageSize) : this.#messagesUpTo(at, pageSize);
  }

  /** Send a message; resolves with its index. Messages get their indexes in the order of the calls. */
  async sendMessage(body, attributes) {
    const members = { body, attributes: checkedAttributes(attributes) };
    this.#quietUntil = 0;
    // The server works on several frames at a time, and "is typing" after the message would stay until its time-out.
    const typingSaid = this.#saysTyping && this._session.atMost(LONGEST_WAIT_FOR_TYPING, this.#saysTyping);
    const before = typingSaid ? Promise.all([this.#lastSending, typingSaid]) : this.#lastSending;
    const sending = before.then(() => this.#request("sendMessage", members, "once"));
    this.#lastSending = sending.catch(() => {});
    return this._message(await sending).index;
  }

  /** Tell the others that one is typing; call it at each key, it is said as often as needed. */
  async typing() {
    if (this._session.now() < this.#quietUntil) return;
    this.#quietUntil = Infinity;
    const saying = this.#request("typing", {}, "read");
    this.#saysTyping = saying;
    try {
      const { typing_timeout: seconds } = await saying;
      if (this.#quietUntil === Infinity) this.#quietUntil = this._session.now() + seconds * 1000;
    } catch (error) {
      this.#quietUntil = 0;
      throw error;
    } finally {
      if (this.#saysTyping === saying) this.#saysTyping = null;
    }
  }

  /** Move the consumption horizon forward; resolves with the number of unconsumed messages. */
  async advanceLastConsumedMessageIndex(index) {
    return this._consumed(await this.#request("advanceLastConsumedMessageIndex", { index }, "read"));
  }

  async updateLastConsumedMessageIndex(index) {
    return this._consumed(await this.#request("updateLastConsumedMessageIndex", { index }));
  }

  async setAllMessagesConsumed() {
    return this._consumed(await this.#request("setAllMessagesConsumed"));
  }

  async setNoMessagesConsumed() {
    return this._consumed(await this.#request("setNoMessagesConsumed"));
  }

  async setUserNotificationLevel(notificationLevel) {
    const members = { notification_level: notificationLevel };
    this._consumed(await this.#request("setNotificationLevel", members));
  }

  async updateAttributes(attributes) {
    return this.#update({ attributes: checkedAttributes(attributes) });
  }

  async updateFriendlyName(friendlyName) {
    return this.#update({ friendly_name: friendlyName });
  }

  async updateUniqueName(uniqueName) {
    return this.#update({ unique_name: uniqueName });
  }

  async delete() {
    await this.#request("deleteChannel");
    this._session.removed(this);
    return this;
  }

  #request(action, members = {}, kind = "write") {
    return this._session.request(action, { channel: this.sid, ...members }, kind);
  }

  async #join(action, attributes) {
    const member = await this.#request(action, { attributes: checkedAttributes(attributes) });
    this._session.joined(this, member.seq);
    return this;
  }

  async #update(members) {
    return this._apply(await this.#request("updateChannel", members));
  }

  async #messagesUpTo(anchor, pageSize) {
    const { messages, next } = await this.#messages("desc", anchor, pageSize);
    const items = messages.reverse();
    const last = items.at(-1)?.index ?? anchor;
    const isInside = anchor !== null && anchor < this.#highestIndex;
    return new Paginator(
      items,
      isInside ? () => this.#messagesFrom(last + 1, pageSize) : null,
      next === null ? null : () => this.#messagesUpTo(next, pageSize),
    );
  }

  async #messagesFrom(anchor, pageSize) {
    const { messages: items, next } = await this.#messages("asc", anchor, pageSize);
    const first = items[0]?.index ?? anchor ?? 0;
    return new Paginator(
      items,
      next === null ? null : () => this.#messagesFrom(next, pageSize),
      first > 0 ? () => this.#messagesUpTo(first - 1, pageSize) : null,
    );
  }

  async #messages(order, anchor, pageSize) {
    const members = { order, page_size: pageSize, anchor: anchor ?? undefined };
    const { messages, next_anchor: next } = await this.#request("listMessages", members, "read");
    const present = messages.filter((view) => !this._isRemoved(view));
    return { messages: present.map((view) => this._message(view)), next: next ?? null };
  }

  async _fetch() {
    const view = await this.#request("fetchChannel", {}, "read");
    this._apply(view);
    return view;
  }

  _apply(view) {
    const shown = super._apply(view);
    const index = view.last_message_index;
    if (typeof index === "number" && index > (this._lastMessage?.index ?? -1)) {
      this._lastMessage = { index, dateCreated: null };
      this.#highestIndex = Math.max(this.#highestIndex, index);
    }
    return shown;
  }

  _consumed(userChannel) {
    this._userChannel = { ...this._userChannel, ...userChannel };
    return this._userChannel.unread_messages_count ?? null;
  }

  /** The object for a message of this channel, showing this view unless it shows a newer one. */
  _message(view) {
    this.#highestIndex = Math.max(this.#highestIndex, view.index);
    return this._known(this._messages, view.sid, () => new Message(this._session, this))._apply(view);
  }

  _member(view) {
    return this._known(this._members, view.identity, () => new Member(this._session, this))._apply(view);
  }

  _known(objects, key, make) {
    const object = objects.get(key) ?? make();
    objects.set(key, object);
    return object;
  }

  /** Whether a record is one that was removed later: a list may be older than what has been heard. */
  _isRemoved(view) {
    return (this._removed.get(view.sid) ?? -1) > (view.seq ?? Infinity);
  }

  /** Forget the last message if it is this one, which was removed; whether it was. */
  _lostMessage(message, lastMessageIndex) {
    if (message.index !== this._lastMessage?.index) return false;
    const before = this._messages.values().find(({ index }) => index === lastMessageIndex);
    const dateCreated = before?.dateCreated ?? null;
    this._lastMessage = lastMessageIndex === null ? null : { index: lastMessageIndex, dateCreated };
    return true;
  }

  /** Make the last message known; whether it was news. */
  _sawMessage(message) {
    if (message.index < (this._lastMessage?.index ?? -1)) return false;
    // A list may have named the message already, and only its index.
    const isNews = message.index !== this._lastMessage?.index || this._lastMessage.dateCreated === null;
    this._lastMessage = { index: message.index, dateCreated: message.dateCreated };
    return isNews;
  }
}

const isRefusal = (error) => error instanceof ParleyError && error.status !== null;

/** What the client knows of the service, and how replies and pushes change it and become events. */
class Session {
  channels = new Map();
  user = null;
  service = null;
  #client;
  #connection;
  #environment;
  #followed = new Map();
  /** Who is to be followed with the next request: identity to the promise and how it is settled. */
  #wanted = new Map();
  /** The last request that changes what this connection follows; the server refuses those that come at once. */
  #lastFollowing = Promise.resolve();
  /** Channels that one could not see any more, which are the same objects when one can again. */
  #removed = new Recent(REMOVED_CHANNELS);
  #strays = new Map();
  #due = new Set();
  #timer = null;
  #refollowTimer = null;
  #hasStarted = false;
  #isStopped = false;

  constructor(client, connection, environment) {
    this.#client = client;
    this.#connection = connection;
    this.#environment = environment;
  }

  now() {
    return this.#environment.now();
  }

  request(action, members, kind) {
    return this.#connection.request(action, members, kind);
  }

  /** Resolves when the promise is settled, whichever way, or after that many milliseconds. */
  async atMost(milliseconds, promise) {
    let timer;
    const tooLate = new Promise((resolve) => {
      timer = this.#environment.after(milliseconds, resolve);
    });
    await Promise.race([promise.catch(() => {}), tooLate]);
    this.#environment.cancel(timer);
  }

  /** All items of a paged list. */
  async listAll(action, name, members = {}, ask = (...given) => this.request(...given, "read")) {
    const items = [];
    let after;
    do {
      const page = await ask(action, { ...members, page_size: LARGEST_PAGE, after });
      items.push(...page[name]);
      after = page.next ?? undefined;
    } while (after !== undefined);
    return items;
  }

  /** A page of a list, with what `show` makes, or promises to make, of each item; null leaves the item out. */
  async page(action, name, members, show, after, previous = null) {
    const page = await this.request(action, { ...members, after }, "read");
    const again = () => this.page(action, name, members, show, after, previous);
    const next = page.next ?? null;
    const shown = await Promise.all(page[name].map(show));
    return new Paginator(
      shown.filter((item) => item !== null),
      next === null ? null : () => this.page(action, name, members, show, next, again),
      previous,
    );
  }

  // Starting

  /** What happens on each new connection: learn the present state, and what was missed since the last. */
  async start(ask) {
    const [session, listed] = await Promise.all([
      ask("fetchSession", {}),
      this.listAll("listMyChannels", "channels", {}, ask),
    ]);
    this.service = session.service;
    this.#connection.tokenExpiresAt(Date.parse(session.token_expires_at));
    this.#ownUser(session.user);
    const missing = this.#compare(listed);
    // The followers know what was not answered, and it is asked again.
    await this.#catchUp(ask, missing).catch(() => {});
    await this.#refollow(ask, [...this.#followed.keys()]);
    this.#hasStarted = true;
    this.#schedule();
  }

  stop() {
    this.#isStopped = true;
    this.#environment.cancel(this.#timer);
    this.#environment.cancel(this.#refollowTimer);
    for (const channel of this.channels.values()) {
      for (const identity of [...channel._typing.keys()]) this.#stopTyping(channel, identity, false);
    }
  }

  #ownUser(view) {
    if (this.user === null) {
      this.user = new User(this)._apply(view);
      this.user._isFollowed = true;
    } else {
      this.#updateUser(this.user, view);
    }
  }

  /** Make the channels what the list says; returns those that should have been in it. */
  #compare(listed) {
    const sids = new Set();
    for (const { channel: view, user_channel: userChannel } of listed) {
      sids.add(view.sid);
      const channel = this.channel(view);
      // The list is older than what has been heard of our membership.
      if (view.seq < channel._membershipSeq) continue;
      channel._consumed(userChannel);
      if (userChannel.status === "joined" && channel._follower !== null) {
        channel._follower.expect(view.seq, this.now());
        this.#mind(channel);
      } else if (userChannel.status === "joined") {
        this.#join(channel, view.seq, view.seq + 1);
      } else {
        this.#invited(channel, view.seq);
      }
    }
    const missing = [...this.channels.values()].filter(
      (channel) => channel._status !== "notParticipating" && !sids.has(channel.sid),
    );
    for (const channel of missing) channel._follower?.expect(-1, this.now());
    missing.forEach((channel) => this.#mind(channel));
    return missing;
  }

  /** Ask about all channels that are behind or were not listed, until nothing is due. */
  async #catchUp(ask, missing) {
    const invited = missing.filter((channel) => channel._follower === null);
    await this.#ask(ask, [...invited, ...this.#channelsDue()], new Set(missing));
    for (let due; (due = this.#channelsDue()).length > 0;) await this.#ask(ask, due);
  }

  #channelsDue() {
    const now = this.now();
    return [...this.#due].filter((channel) => {
      const dueAt = channel._follower?.dueAt ?? null;
      return dueAt !== null && dueAt <= now;
    });
  }

  async #ask(ask, channels, missing = new Set()) {
    const asked = channels.map((channel) => {
      const follower = channel._follower;
      return { channel, follower, mark: follower === null ? Math.max(0, channel._seq) : follower.ask() };
    });
    while (asked.length > 0) {
      const marks = asked.slice(0, CHANNELS_PER_CATCH_UP).map(({ channel, mark }) => [channel.sid, mark]);
      let answers;
      try {
        ({ channels: answers } = await ask("catchUp", { channels: Object.fromEntries(marks) }));
      } catch (error) {
        asked.forEach(({ channel, follower }) => this.#unanswered(channel, follower, error));
        throw error;
      }
      for (const { channel, follower } of asked.splice(0, CHANNELS_PER_CATCH_UP)) {
        this.#answered(channel, follower, answers[channel.sid] ?? { status: "gone" }, missing.has(channel));
      }
    }
  }

  #unanswered(channel, follower, error) {
    if (follower === null || channel._follower !== follower) return;
    if (isRefusal(error)) this.#progress(channel, follower.failed(this.now()));
    else follower.interrupted(this.now());
  }

  #answered(channel, follower, answer, wasMissing) {
    if (channel._follower !== follower) return;
    if (answer.status === "gone") {
      // Who is not in a private channel any more cannot see it either.
      if (channel.isPrivate) this.left(channel);
      this.removed(channel);
    } else if (answer.status === "refetch" && wasMissing) this.left(channel);
    else if (follower !== null) this.#progress(channel, follower.answer(answer, this.now()));
  }

  #progress(channel, { isRefetch, deliver }) {
    if (isRefetch) this.#refetch(channel);
    deliver.forEach((push) => this.#deliver(channel, push));
    this.#mind(channel);
  }

  #refetch(channel) {
    for (const identity of [...channel._typing.keys()]) this.#stopTyping(channel, identity);
    channel._messages = new Recent(KNOWN_RECORDS);
    channel._members = new Recent(KNOWN_RECORDS);
    this.#client._emit("channelRefetched", { channel });
  }

  /** Note whether a channel has something to ask for. */
  #mind(channel) {
    const dueAt = channel._follower?.dueAt ?? null;
    if (dueAt === null) this.#due.delete(channel);
    else this.#due.add(channel);
  }

  /** Ask for holes when their time has come. */
  #schedule() {
    this.#environment.cancel(this.#timer);
    if (this.#isStopped) return;
    const times = [...this.#due].map((channel) => channel._follower?.dueAt ?? null).filter((time) => time !== null);
    if (times.length === 0) return;
    this.#timer = this.#environment.after(Math.min(...times) - this.now(), () => this.#askForHoles());
  }

  /** While there is no connection, nothing is asked: the next session begins with asking. */
  async #askForHoles() {
    if (this.#connection.state !== "connected") return;
    try {
      await this.#ask((action, members) => this.request(action, members), this.#channelsDue());
    } catch {
      // The followers know that they got no answer.
    }
    this.#schedule();
  }

  // Being told

  receive(push) {
    const membership = { channelAdded: 1, channelJoined: 1, channelInvited: 1, channelLeft: 1, channelRemoved: 1 };
    if (push.event === "typingStarted") this.#startTyping(push);
    else if (push.event === "userUpdated") this.#userUpdated(push);
    else if (push.event in membership) this.#membership(push);
    else if (push.channel_sid !== undefined && Number.isInteger(push.seq)) this.#changed(push);
  }

  #changed(push) {
    const channel = this.channels.get(push.channel_sid);
    if (channel?._follower) {
      channel._follower.receive(push, this.now()).forEach((news) => this.#deliver(channel, news));
      this.#mind(channel);
      if (this.#due.has(channel)) this.#schedule();
    } else if (channel?._status === "invited" && push.event === "channelUpdated") {
      if ((push.channel.version ?? push.channel.seq) > channel._version) this.#deliver(channel, push);
    } else {
      this.#keepStray(push);
    }
  }

  /** What comes before one knows of the channel, or of having joined it, is looked at when one does. */
  #keepStray(push) {
    const strays = this.#strays.get(push.channel_sid) ?? [];
    if (strays.length < STRAYS_PER_CHANNEL) strays.push(push);
    this.#strays.set(push.channel_sid, strays);
    if (this.#strays.size > STRAYS_PER_CHANNEL) this.#strays.delete(this.#strays.keys().next().value);
  }

  #membership(push) {
    const sid = push.channel_sid ?? push.channel?.sid;
    const known = this.channels.get(sid);
    const seq = push.seq ?? push.channel?.seq ?? 0;
    if (push.event === "channelLeft" || push.event === "channelRemoved") {
      if (known === undefined || seq < known._membershipSeq) return;
      if (push.event === "channelRemoved") this.removed(known);
      else this.left(known, seq);
      return;
    }
    const channel = this.channel(push.channel);
    if (push.user_channel) channel._consumed(push.user_channel);
    if (push.event === "channelAdded") this.#announce(channel);
    else if (push.event === "channelJoined") this.joined(channel, seq);
    else if (seq > channel._membershipSeq) this.#invited(channel, seq);
  }

  #announce(channel) {
    if (channel._isAnnounced) return;
    channel._isAnnounced = true;
    this.#client._emit("channelAdded", channel);
  }

  /** We are a member since the change `seq`. */
  joined(channel, seq) {
    if (seq <= channel._membershipSeq) return;
    if (channel._follower === null) this.#join(channel, seq, seq);
    else channel._membershipSeq = seq;
  }

  #join(channel, mark, straysFrom) {
    channel._membershipSeq = mark;
    channel._follower = new ChannelFollower(mark);
    this.#setStatus(channel, "joined", "channelJoined");
    const strays = this.#strays.get(channel.sid) ?? [];
    this.#strays.delete(channel.sid);
    strays.filter((push) => push.seq >= straysFrom).forEach((push) => this.#changed(push));
  }

  #invited(channel, seq) {
    channel._membershipSeq = seq;
    channel._follower = null;
    this.#setStatus(channel, "invited", "channelInvited");
  }

  /** We are neither member nor invited any more. */
  left(channel, seq = channel._membershipSeq) {
    channel._membershipSeq = seq;
    channel._follower = null;
    channel._userChannel = {};
    this.#strays.delete(channel.sid);
    this.#due.delete(channel);
    this.#setStatus(channel, "notParticipating", "channelLeft");
  }

  /** The channel does not exist any more, or not for us. */
  removed(channel) {
    if (this.channels.get(channel.sid) !== channel) return;
    this.channels.delete(channel.sid);
    this.#removed.set(channel.sid, channel);
    this.#strays.delete(channel.sid);
    this.#due.delete(channel);
    channel._follower = null;
    channel._status = "notParticipating";
    this.#client._emit("channelRemoved", channel);
    channel._emit("removed", channel);
  }

  #setStatus(channel, status, event) {
    if (channel._status === status) return;
    channel._status = status;
    // What the first list says is where we begin, and no news.
    if (!this.#hasStarted) return;
    this.#client._emit(event, channel);
    this.#channelUpdated(channel, ["status"]);
  }

  #deliver(channel, push) {
    const { message, member, updateReasons = [] } = push;
    switch (push.event) {
      case "messageAdded":
        return this.#messageAdded(channel, channel._message(message));
      case "messageUpdated":
        return this.#updated("message", channel._message(message), channel, updateReasons);
      case "messageRemoved":
        return this.#messageRemoved(channel, message, push.seq, push.last_message_index ?? null);
      case "memberJoined":
        return this.#tell(channel, "memberJoined", channel._member(member));
      case "memberUpdated":
        return this.#memberUpdated(channel, channel._member(member), updateReasons);
      case "memberLeft":
        return this.#memberLeft(channel, member, push.seq);
      case "channelUpdated":
        if (push.user_channel) channel._consumed(push.user_channel);
        channel._apply(push.channel);
        return this.#channelUpdated(channel, updateReasons);
      default:
        return undefined;
    }
  }

  #tell(channel, event, payload) {
    this.#client._emit(event, payload);
    channel._emit(event, payload);
  }

  #updated(kind, object, channel, updateReasons) {
    const payload = { [kind]: object, updateReasons };
    this.#tell(channel, `${kind}Updated`, payload);
    object._emit("updated", payload);
  }

  #channelUpdated(channel, updateReasons) {
    const payload = { channel, updateReasons };
    this.#client._emit("channelUpdated", payload);
    channel._emit("updated", payload);
  }

  #messageAdded(channel, message) {
    this.#stopTyping(channel, message.author);
    const isLast = channel._sawMessage(message);
    this.#tell(channel, "messageAdded", message);
    if (isLast) this.#channelUpdated(channel, ["lastMessage"]);
  }

  #messageRemoved(channel, view, seq, lastMessageIndex) {
    const message = channel._message(view);
    channel._messages.delete(view.sid);
    channel._removed.set(view.sid, seq);
    const wasLast = channel._lostMessage(message, lastMessageIndex);
    this.#tell(channel, "messageRemoved", message);
    if (wasLast) this.#channelUpdated(channel, ["lastMessage"]);
  }

  #memberUpdated(channel, member, updateReasons) {
    this.#updated("member", member, channel, updateReasons);
    if (member.identity !== this.user.identity || !updateReasons.includes("lastConsumedMessageIndex")) return;
    channel._consumed({ last_consumed_message_index: member.lastConsumedMessageIndex });
    this.#channelUpdated(channel, ["lastConsumedMessageIndex"]);
  }

  #memberLeft(channel, view, seq) {
    const member = channel._member(view);
    this.#stopTyping(channel, view.identity);
    channel._members.delete(view.identity);
    channel._removed.set(view.sid, seq);
    this.#tell(channel, "memberLeft", member);
  }

  // Typing

  async #startTyping({ channel_sid: sid, identity, typing_timeout: seconds }) {
    const channel = this.channels.get(sid);
    if (!channel?._follower) return;
    const before = channel._typing.get(identity);
    if (before) this.#environment.cancel(before.timer);
    const typing = { member: before?.member ?? null };
    typing.timer = this.#environment.after(seconds * 1000, () => this.#stopTyping(channel, identity));
    channel._typing.set(identity, typing);
    if (typing.member !== null) return;
    try {
      typing.member = channel._members.get(identity) ?? (await channel.getMemberByIdentity(identity));
    } catch {
      return;
    }
    // Meanwhile it may be over, or have begun once more.
    if (channel._typing.get(identity) !== typing) return;
    typing.member._isTyping = true;
    this.#tell(channel, "typingStarted", typing.member);
    typing.member._emit("typingStarted", typing.member);
  }

  #stopTyping(channel, identity, isTold = true) {
    const typing = channel._typing.get(identity);
    if (typing === undefined) return;
    this.#environment.cancel(typing.timer);
    channel._typing.delete(identity);
    if (!typing.member?._isTyping) return;
    typing.member._isTyping = false;
    if (!isTold) return;
    this.#tell(channel, "typingEnded", typing.member);
    typing.member._emit("typingEnded", typing.member);
  }

  // Users

  /** A user, followed from now on; the one that was followed longest gives way if there are too many. */
  async follow(identity) {
    if (identity === this.user.identity) return this.user;
    const known = this.#followed.get(identity);
    if (known) return known;
    let wanted = this.#wanted.get(identity);
    if (wanted === undefined) {
      wanted = {};
      wanted.user = new Promise((resolve, reject) => Object.assign(wanted, { resolve, reject }));
      if (this.#wanted.size === 0) this.#inTurn(() => this.#followWanted());
      this.#wanted.set(identity, wanted);
    }
    return wanted.user;
  }

  #inTurn(change) {
    const changed = this.#lastFollowing.then(change);
    this.#lastFollowing = changed.catch(() => {});
    return changed;
  }

  /** Ask for all who are wanted by now, a few with each request. */
  async #followWanted() {
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    let atOnce = USERS_PER_REQUEST;
    while (wanted.length > 0) {
      const part = wanted.slice(0, atOnce);
      try {
        await this.#followAtOnce(part);
        wanted.splice(0, part.length);
      } catch (error) {
        // Where one of several is refused, the others are not to suffer; without a connection all have waited enough.
        if (isRefusal(error) && part.length > 1) atOnce = 1;
        else wanted.splice(0, isRefusal(error) ? 1 : wanted.length).forEach(([, { reject }]) => reject(error));
      }
    }
  }

  async #followAtOnce(wanted) {
    const identities = wanted.map(([identity]) => identity);
    const { users, unfollowed = [] } = await this.request("followUsers", { identities }, "read");
    unfollowed.forEach((other) => this.#unfollowed(other));
    for (const [identity, { resolve, reject }] of wanted) {
      const view = users.find((user) => user.identity === identity);
      if (view === undefined) reject(new ParleyError(`there is no user ${identity}`, 404, NOT_FOUND));
      else resolve(this.#followed.get(identity) ?? this.#followedNow(view));
    }
  }

  /** A user as of now. */
  async descriptor(identity) {
    return new User(this)._apply(await this.request("fetchUser", { identity }, "read"));
  }

  async unfollow(user) {
    if (!this.#followed.has(user.identity)) return;
    await this.#inTurn(() => this.request("unfollowUsers", { identities: [user.identity] }, "read"));
    this.#unfollowed(user.identity);
  }

  followed() {
    return [this.user, ...this.#followed.values()];
  }

  #followedNow(view) {
    const user = new User(this)._apply(view);
    user._isFollowed = true;
    this.#followed.set(user.identity, user);
    if (this.#followed.size > FOLLOWED_USERS) this.#unfollowed(this.#followed.keys().next().value);
    this.#client._emit("userSubscribed", user);
    return user;
  }

  #unfollowed(identity) {
    const user = this.#followed.get(identity);
    if (user === undefined) return;
    this.#followed.delete(identity);
    user._isFollowed = false;
    this.#client._emit("userUnsubscribed", user);
    user._emit("userUnsubscribed", user);
  }

  /** Follow again those who are followed; who is refused is asked for again a second later, twice. */
  async #refollow(ask, identities, asked = 1) {
    this.#environment.cancel(this.#refollowTimer);
    const refused = [];
    for (let first = 0; first < identities.length; first += USERS_PER_REQUEST) {
      const part = identities.slice(first, first + USERS_PER_REQUEST);
      try {
        this.#refollowed(part, await ask("followUsers", { identities: part }));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        refused.push(...part);
      }
    }
    if (asked === MOST_ASKS) refused.forEach((identity) => this.#unfollowed(identity));
    else if (refused.length > 0) this.#refollowLater(refused, asked + 1);
  }

  /** Without a connection by then, the next session begins with it anyway. */
  #refollowLater(identities, asked) {
    if (this.#isStopped) return;
    this.#refollowTimer = this.#environment.after(ASK_AGAIN_AFTER, () => {
      if (this.#connection.state !== "connected") return;
      this.#refollow((...given) => this.request(...given), identities, asked).catch(() => {});
    });
  }

  #refollowed(identities, { users, unfollowed = [] }) {
    const found = new Set(users.map((view) => view.identity));
    for (const view of users) this.#updateUser(this.#followed.get(view.identity), view);
    const lost = identities.filter((identity) => !found.has(identity));
    [...unfollowed, ...lost].forEach((identity) => this.#unfollowed(identity));
  }

  #userUpdated({ user: view, updateReasons }) {
    const user = view.identity === this.user?.identity ? this.user : this.#followed.get(view.identity);
    this.#updateUser(user, view, updateReasons);
  }

  #updateUser(user, view, updateReasons = null) {
    if (user === undefined) return;
    const before = { seq: user._seq, ...user._view };
    user._apply(view);
    const differing = Object.entries({
      friendly_name: "friendlyName",
      attributes: "attributes",
      is_online: "online",
      is_notifiable: "notifiable",
    }).flatMap(([member, reason]) => (user._view[member] === before[member] ? [] : [reason]));
    if (user._seq === before.seq && differing.length === 0) return;
    const payload = { user, updateReasons: updateReasons ?? differing };
    this.#client._emit("userUpdated", payload);
    user._emit("updated", payload);
  }

  // Channels

  /** The object for a channel, showing this view unless it shows a newer one. */
  channel(view) {
    let channel = this.channels.get(view.sid);
    if (channel === undefined) {
      channel = this.#removed.get(view.sid) ?? new Channel(this);
      this.#removed.delete(view.sid);
      this.channels.set(view.sid, channel);
    }
    return channel._apply(view);
  }
}

/** One identity's connection to a service. `Client.create` connects; every change arrives as an event. */
export class Client extends Emitter {
  #connection;
  #session;
  #initialized = null;
  #settleInitialized;

  /** A client that connects with `initialize`, for who wants to hear of the attempts. */
  constructor(tokenOrProvider, options = {}) {
    super();
    const platform = environment(options);
    this.#connection = new Connection(tokenOrProvider, platform, {
      start: (ask) => this.#session.start(ask),
      push: (push) => this.#session.receive(push),
      stateChanged: (state) => this.#stateChanged(state),
      error: (details) => this.#failed(details),
      tokenAboutToExpire: (left) => this._emit("tokenAboutToExpire", left),
      tokenExpired: () => this._emit("tokenExpired"),
      identity: () => this.#session?.user?.identity ?? null,
    });
    this.#session = new Session(this, this.#connection, platform);
  }

  /** Connect; resolves when the channels are known. Rejects if the token is refused, and tries on if nobody answers. */
  static async create(tokenOrProvider, options) {
    return new Client(tokenOrProvider, options).initialize();
  }

  async initialize() {
    if (this.#initialized === null) {
      this.#connection.start();
      this.#initialized = new Promise((resolve, reject) => {
        this.#settleInitialized = { resolve, reject };
      });
    }
    return this.#initialized;
  }

  get connectionState() {
    return this.#connection.state;
  }

  /** The user that this client is; null before `initialize` is done. */
  get user() {
    return this.#session.user;
  }

  get reachabilityEnabled() {
    return this.#session.service?.reachability_enabled ?? false;
  }

  /** The channels one is joined to or invited to, on one page: they are known already. */
  async getSubscribedChannels() {
    await this.#started();
    return new Paginator(this.#subscribed());
  }

  async getPublicChannelDescriptors(pageSize = 30) {
    return this.#session.page("listPublicChannels", "channels", { page_size: pageSize }, (view) =>
      this.#session.channel(view),
    );
  }

  async getChannelBySid(sid) {
    return this.#subscribed().find((channel) => channel.sid === sid) ?? this.#channel(sid);
  }

  async getChannelByUniqueName(uniqueName) {
    return this.#subscribed().find((channel) => channel.uniqueName === uniqueName) ?? this.#channel(uniqueName);
  }

  /** Make a channel. Its creator has not joined it yet. */
  async createChannel({ friendlyName, uniqueName, isPrivate = false, attributes } = {}) {
    const view = await this.#connection.request("createChannel", {
      friendly_name: friendlyName,
      unique_name: uniqueName,
      type: isPrivate ? "private" : "public",
      attributes: checkedAttributes(attributes),
    });
    return this.#session.channel(view);
  }

  /** A user, kept up to date from now on: up to a hundred are, then the oldest gives way. */
  async getUser(identity) {
    await this.#started();
    return this.#session.follow(identity);
  }

  async getSubscribedUsers() {
    await this.#started();
    return this.#session.followed();
  }

  /** A user as of now. */
  async getUserDescriptor(identity) {
    return this.#session.descriptor(identity);
  }

  async getUserDescriptors(pageSize = 30) {
    return this.#session.page("listUsers", "users", { page_size: pageSize }, (view) =>
      new User(this.#session)._apply(view),
    );
  }

  /** Register a device for push notifications. */
  async registerBinding({ bindingType, address, credentialSid, endpoint, messageTypes }) {
    const view = await this.#connection.request("registerBinding", {
      binding_type: bindingType,
      address,
      credential_sid: credentialSid,
      endpoint,
      message_types: messageTypes,
    });
    return {
      sid: view.sid,
      bindingType: view.binding_type,
      endpoint: view.endpoint,
      identity: view.identity,
      credentialSid: view.credential_sid,
      messageTypes: view.message_types,
    };
  }

  async removeBinding(sid) {
    await this.#connection.request("removeBinding", { binding: sid });
  }

  /** Go on with another token of the same identity; rejects, and goes on with the old one, if the server refuses it. */
  async updateToken(token) {
    await this.#connection.updateToken(token);
    return this;
  }

  async shutdown() {
    this.#session.stop();
    await this.#connection.stop();
    this.#settleInitialized?.reject(new ConnectionLostError("the client is shut down"));
  }

  #stateChanged(state) {
    if (state === "connected") {
      this.#settleInitialized.resolve(this);
      // It may have been refused before, and have got another token.
      this.#initialized = Promise.resolve(this);
    }
    this._emit("connectionStateChanged", state);
  }

  #failed(details) {
    this._emit("connectionError", details);
    if (this.#connection.state !== "denied") return;
    this.#settleInitialized.reject(new ParleyError(details.message, details.httpStatusCode, details.errorCode));
    this.#initialized = null;
  }

  /** What the first connection tells is waited for like the reply to a request. */
  async #started() {
    if (this.user === null) await this.#connection.request("fetchSession", {}, "read");
  }

  /** The channels that are kept up to date. */
  #subscribed() {
    return [...this.#session.channels.values()].filter((channel) => channel.status !== "notParticipating");
  }

  async #channel(channel) {
    return this.#session.channel(await this.#connection.request("fetchChannel", { channel }, "read"));
  }
}
