import {
  CONNECTION_IS_OVER,
  ConnectionLostError,
  ParleyError,
  RequestTimeoutError,
  TOKEN_EXPIRED,
  TOO_MANY_CONNECTIONS,
  detailsOf,
} from "./errors.js";
import { Link } from "./link.js";
import { Pauses } from "./pauses.js";
import { Refusals } from "./refusals.js";
import { Requests } from "./requests.js";
import { Tokens, checkToken } from "./tokens.js";

const LONGEST_RENEWAL_PAUSE = 30_000;
/** API Gateway ends each connection after two hours. */
const HANDOVER_AFTER = 110 * 60_000;
const HANDOVER_JITTER = 8 * 60_000;
const HANDOVER_RETRY = 30_000;
const DRAIN_TIMEOUT = 10_000;

/**
 * Keeps one socket open, replaces it when it breaks or grows old, and carries requests.
 *
 *   connecting ──> connected ──> connecting ...      the socket broke
 *       │              └──> disconnecting ──> disconnected          shutdown; or waiting for `updateToken`
 *       └──> denied                                  the token was refused; `updateToken` starts again
 *
 * Before a socket's two hours are over, a new socket takes its place; the state stays `connected`.
 *
 * Hooks: it calls `start(ask)` on each new socket before using it; `identity()` returns the user's identity, null until
 * it is known; it calls `push`, `stateChanged`, `error`, `tokenAboutToExpire`, `tokenExpired` when these happen.
 */
export class Connection {
  state = "disconnected";
  #environment;
  #hooks;
  #tokens;
  #current = null;
  #links = new Set();
  #requests;
  #refusals;
  #pauses = new Pauses();
  #isEstablishing = false;
  #isStopped = true;
  /** Whether the client was shut down. That is final. */
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
    this.#refusals = new Refusals(environment, this.#tokens.hasProvider);
    this.#requests = new Requests(environment, {
      current: () => this.#current,
      refused: (link, code) => this.#leave(link, code),
    });
  }

  /** Connect, unless that is under way. If the client is denied, throws the refusal. */
  start() {
    this.checkNotOver();
    if (this.state === "denied") throw this.#denial;
    this.#isStopped = false;
    this.#establish();
  }

  /** Send a request, at once or as soon as there is a connection; resolves with its result. */
  request(action, members = {}, kind = "write") {
    if (this.state === "denied") return Promise.reject(this.#denial);
    if (this.#isOver) return Promise.reject(new ConnectionLostError("the client is shut down: make a new one"));
    if (this.#isStopped) {
      return Promise.reject(new ConnectionLostError("the client is not initialized: call initialize()"));
    }
    return this.#requests.send(action, members, kind);
  }

  /** Use another token. If the server refuses it, this rejects and the old one stays in use. */
  async updateToken(token) {
    this.checkNotOver();
    if (this.#current !== null) {
      await this.#handIn(checkToken(token));
      return;
    }
    this.#adopt(token);
  }

  checkNotOver() {
    if (this.#isOver) throw new ConnectionLostError("the client is shut down: make a new one");
  }

  async stop() {
    this.#isOver = true;
    this.#tokens.end();
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#setState("disconnecting");
    this.#release(new ConnectionLostError("the client is shut down: make a new one"));
    this.#setState("disconnected");
  }

  /** The current token. */
  get token() {
    return this.#tokens.text;
  }

  /** The server says when the token expires. That counts only if the token itself does not say. */
  tokenExpiresAt(moment) {
    this.#tokens.expiresAt(moment);
  }

  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.#hooks.stateChanged(state);
  }

  /** Reject all requests and close all sockets. */
  #release(error) {
    this.#tokens.stop();
    this.#environment.cancel(this.#handoverTimer);
    this.#environment.cancel(this.#renewalTimer);
    this.#wake?.();
    this.#current = null;
    for (const link of this.#links) {
      link.pending.clear();
      link.abandon("closed by the client");
    }
    this.#requests.rejectAll(error);
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
      const isFinal = this.#current === null && (await this.#refusals.isFinal(failure));
      if (!this.#isWanted()) break;
      if (isFinal) {
        this.#deny(failure);
      } else {
        this.#hooks.error({ terminal: false, ...detailsOf(failure) });
        this.#pauseBefore = this.#nextPause(false);
      }
    }
    this.#isEstablishing = false;
    if (this.#needsToken && !this.#isStopped && this.#current === null) this.#setState("disconnected");
  }

  #isWanted() {
    if (this.#isStopped || this.#needsToken) return false;
    return this.#current === null || this.#current.isDueForHandover;
  }

  /** Open a socket, start the session on it, and use it from then on. Returns the failure, or null. */
  async #attempt() {
    let link;
    try {
      const token = await this.#tokens.forAttempt();
      if (!this.#isWanted()) return null;
      link = this.#open(token);
      await link.opened;
      this.#refusals.forget();
      await this.#hooks.start((action, members) => this.#requests.send(action, members, "read", link));
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
    this.#refusals.connected();
    this.#pauses.sessionBegan(this.#environment.now());
    this.#requests.sendWaiting();
    this.#setState("connected");
    this.#environment.cancel(this.#handoverTimer);
    const lifetime = HANDOVER_AFTER + (this.#environment.random() - 0.5) * HANDOVER_JITTER;
    this.#handoverTimer = this.#environment.after(lifetime, () => {
      link.isDueForHandover = true;
      this.#establish();
    });
    if (before !== null) this.#drain(before);
  }

  /** The old socket stays open until the replies to its requests have come. */
  #drain(link) {
    link.isDraining = true;
    if (link.pending.size === 0) link.abandon("replaced");
    else link.drainTimer = this.#environment.after(DRAIN_TIMEOUT, () => link.abandon("replaced"));
  }

  #nextPause(isCrowded) {
    const chance = this.#environment.random();
    if (this.#current !== null) return HANDOVER_RETRY * (1 + chance);
    return this.#pauses.next(this.#environment.now(), chance, isCrowded);
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

  #deny(failure) {
    this.#isStopped = true;
    this.#refusals.forget();
    // Without a status, the platform does not say what the server has refused.
    const why = failure.status ? "the token was refused" : "the token was refused, or the url lacks its path";
    this.#denial = new ParleyError(`${why}: ${failure.message}`, failure.status, failure.code);
    this.#release(this.#denial);
    this.#setState("denied");
    this.#hooks.error({ terminal: true, ...detailsOf(this.#denial) });
  }

  // Events of the socket

  #reply(frame, link) {
    this.#requests.reply(frame, link);
    if (link.isDraining && link.pending.size === 0) link.abandon("replaced");
  }

  /** The server takes no requests over this socket any more. */
  #leave(link, code) {
    if (code === TOKEN_EXPIRED) this.#serverSaysExpired(link);
    link.abandon("refused by the server");
  }

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
    // The server may know this socket by an earlier token.
    if (link.token !== this.#tokens.text) return;
    this.#tokens.expired();
    if (!this.#tokens.hasProvider) this.#needsToken = true;
  }

  #serverComplains(push, link) {
    const { terminal = false, status, code, message } = push;
    this.#hooks.error({ terminal, message, httpStatusCode: status, errorCode: code });
    if (code === TOKEN_EXPIRED) this.#serverSaysExpired(link);
    if (code === TOO_MANY_CONNECTIONS) link.isCrowded = true;
  }

  #over(link) {
    this.#links.delete(link);
    this.#environment.cancel(link.drainTimer);
    if (link === this.#current) {
      this.#current = null;
      this.#environment.cancel(this.#handoverTimer);
      this.#pauseBefore = this.#nextPause(link.isCrowded);
    }
    this.#requests.lost(link);
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
        // A new connection begins with a new token anyway.
        if (this.#isStopped || this.#current !== link) return;
        this.#hooks.error({ terminal: false, ...detailsOf(error) });
        await this.#waitToRenew(Math.min(LONGEST_RENEWAL_PAUSE, 1_000 * 2 ** attempt));
      }
    }
  }

  #waitToRenew(longest) {
    const delay = longest * (0.5 + this.#environment.random() / 2);
    return new Promise((resolve) => {
      this.#renewalTimer = this.#environment.after(delay, resolve);
    });
  }

  /** Give the server a token: over the current socket, or over a new one if the current socket is over. */
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
    // The next connection is opened with this token, so it shows whether the token is good.
    await this.request("fetchSession", {}, "read");
  }

  async #refresh(link, token) {
    await this.#requests.send("refreshToken", { token }, "read", link);
    link.token = token;
  }

  /** Whether the server refused a token over this socket because the socket is over, and not because of the token. */
  async #isOverFor(link, error) {
    if (error instanceof ConnectionLostError) return true;
    if (!CONNECTION_IS_OVER.has(error.code)) return false;
    // Most of these codes can mean the socket or the new token. Another request shows whether the socket still works.
    try {
      await this.#requests.send("fetchSession", {}, "read", link);
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
    this.#refusals.forget();
    if (this.#current !== null) return;
    this.#wake?.();
    this.#establish();
  }

  /** A token came while this socket was being opened with an earlier one: give it to the server here too. */
  async #bringUpToDate(link) {
    try {
      await this.#refresh(link, this.#tokens.text);
    } catch (error) {
      // The next socket is opened with the current token anyway.
      if (!(error instanceof ConnectionLostError)) this.#hooks.error({ terminal: false, ...detailsOf(error) });
    }
  }
}
