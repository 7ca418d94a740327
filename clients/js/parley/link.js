import { HandshakeError, UnusableTokenError } from "./errors.js";

const SUBPROTOCOL = "parley.v1";
const OPEN_TIMEOUT = 20_000;
const KEEP_ALIVE = 240_000;
const PONG_TIMEOUT = 10_000;

/** One socket: sends and reads frames, remembers the requests that wait for a reply, and keeps itself alive. */
export class Link {
  /** The requests that wait for a reply on this socket, by id. */
  pending = new Map();
  isDueForHandover = false;
  /** Whether the server closed it in favour of newer ones. */
  isCrowded = false;
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
    /** The token by which the server knows this socket. */
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
    // Browsers and Node's own class report a refused handshake only as an error, without a status.
    this.#socket.onerror = (event) => {
      // The package "ws" has the status in the error's text.
      this.#status = Number(/server response: (\d{3})/.exec(event?.message ?? "")?.[1]) || null;
      this.#end(this.#isOpen ? "the socket failed" : "the socket did not open");
    };
    this.#socket.onclose = (event) => this.#end(`the socket closed (${event?.code ?? 1006})`);
  }

  /** Whether a frame that is sent now can arrive. */
  get isUsable() {
    return this.#isOpen && !this.#isOver && this.#socket.readyState === 1;
  }

  send(text) {
    this.#socket.send(text);
    this.#restartIdleTimer();
  }

  /** Send a ping. If no frame comes in time, give the socket up. */
  check() {
    if (!this.isUsable || this.#pongTimer !== null) return;
    this.send('{"action":"ping"}');
    this.#pongTimer = this.#environment.after(PONG_TIMEOUT, () => this.#end("no answer to a ping"));
  }

  /** Give the socket up without waiting for the closing handshake, which takes long if the network is dead. */
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
    // A reply may come with the pushes of what it caused.
    for (const one of Array.isArray(frame) ? frame : [frame]) {
      if (one?.event !== undefined) this.#hooks.push(one, this);
      else if (one?.id !== undefined) this.#hooks.reply(one, this);
    }
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
