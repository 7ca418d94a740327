import { uuid } from "./environment.js";
import {
  CONNECTION_IS_OVER,
  ConnectionLostError,
  FrameTooLargeError,
  ParleyError,
  RequestTimeoutError,
  TRY_LATER,
} from "./errors.js";

const LARGEST_FRAME_BYTES = 32_000;
const REQUEST_TIMEOUT = 30_000;
const MOST_RETRIES = 3;

/**
 * Pairs requests with replies, whichever socket they go over.
 *
 * A request has one of three kinds, for the case that the socket breaks before the reply comes. A "read" is sent again.
 * A "once" is sent again under the same id, so that the server recognises it. A "write" fails.
 */
export class Requests {
  #environment;
  #hooks;
  /** All unsettled requests: those that wait for a connection, for a reply, or to be sent again. */
  #unsettled = new Set();
  #queue = [];
  #counter = 0;

  /** Hooks: `current()` returns the socket in use or null; `refused(link, code)` reports that a socket is over. */
  constructor(environment, hooks) {
    this.#environment = environment;
    this.#hooks = hooks;
  }

  /** Send a request; resolves with its result. If a socket is given, the request goes over that socket only. */
  send(action, members, kind, link = null) {
    const id = kind === "once" ? uuid() : String((this.#counter += 1));
    const text = JSON.stringify({ ...members, id, action });
    const size = new TextEncoder().encode(text).length;
    if (size > LARGEST_FRAME_BYTES) {
      const message = `a request of ${size} bytes is over the ${LARGEST_FRAME_BYTES} that fit into one frame`;
      return Promise.reject(new FrameTooLargeError(message));
    }
    return new Promise((resolve, reject) => {
      const request = { id, text, kind, link, resolve, reject, carrier: null, refusals: 0 };
      this.#unsettled.add(request);
      request.timer = this.#environment.after(REQUEST_TIMEOUT, () => this.#expire(request));
      this.#dispatch(request);
    });
  }

  /** Send the requests that wait for a connection. */
  sendWaiting() {
    this.#queue.splice(0).forEach((request) => this.#dispatch(request));
  }

  /** A reply came over a socket. */
  reply(frame, link) {
    const request = link.pending.get(frame.id);
    if (request === undefined) return;
    link.pending.delete(frame.id);
    const { status, error } = frame;
    if (error === undefined) {
      this.#settle(request, () => request.resolve(frame.result ?? null));
    } else if (CONNECTION_IS_OVER.has(error.code) && request.link === null) {
      this.#hooks.refused(link, error.code);
      this.#dispatch(request);
    } else if (TRY_LATER.has(error.code) && request.refusals < MOST_RETRIES) {
      request.refusals += 1;
      const pause = 1_000 + this.#environment.random() * 3_000;
      request.pause = this.#environment.after(pause, () => this.#dispatch(request));
    } else {
      this.#reject(request, new ParleyError(error.message, status, error.code));
    }
  }

  /** A socket is over: repeat the requests that may be repeated, and reject the others that waited on it. */
  lost(link) {
    const unanswered = [...link.pending.values()];
    link.pending.clear();
    for (const request of unanswered) {
      if (request.link === null && request.kind !== "write") this.#dispatch(request);
      else this.#reject(request, new ConnectionLostError("the connection broke"));
    }
  }

  rejectAll(error) {
    this.#queue = [];
    this.#unsettled.forEach((request) => this.#reject(request, error));
  }

  #dispatch(request) {
    if (!this.#unsettled.has(request)) return;
    const link = request.link ?? this.#hooks.current();
    if (link?.isUsable) {
      request.carrier = link;
      link.pending.set(request.id, request);
      link.send(request.text);
    } else if (request.link !== null) {
      this.#reject(request, new ConnectionLostError("the connection broke"));
    } else {
      this.#queue.push(request);
    }
  }

  #expire(request) {
    const wasUnderWay = request.carrier?.pending.delete(request.id) ?? false;
    this.#queue = this.#queue.filter((waiting) => waiting !== request);
    this.#reject(request, new RequestTimeoutError("no reply in time"));
    // The socket may be dead without anybody having noticed.
    if (wasUnderWay) request.carrier.check();
  }

  #reject(request, error) {
    this.#settle(request, () => request.reject(error));
  }

  #settle(request, settle) {
    if (!this.#unsettled.delete(request)) return;
    this.#environment.cancel(request.timer);
    this.#environment.cancel(request.pause);
    settle();
  }
}
