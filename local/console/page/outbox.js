// What one person has sent to one channel and what is not among its messages yet. It outlives the conversation that
// shows it: who looks at another channel meanwhile finds it again.

import { explain } from './dom.js';

/** What became of a message that was not sent, or of which that is not known; in one line. */
export const outcome = ({ error, isUnknown }) =>
  `${isUnknown ? 'It is unknown whether this was sent' : 'Not sent'}: ${error}`;

export class Outbox {
  /** `unseen(pending)` hears of what came to nothing while no conversation shows it. */
  constructor(sid, unseen = () => {}) {
    this.sid = sid;
    this.unseen = unseen;
    this.pending = [];
    this.known = new Set(); // the indexes of the messages that came of it
    this.watcher = null;
  }

  /** From now on, tell `watcher` of each change; null for nobody. */
  watch(watcher) {
    this.watcher = watcher;
    if (!watcher) this.#dropSent();
  }

  /** Put a text into it, to be sent. */
  add(body, channel) {
    // `requests` holds, by id, the socket of each request of which it is not certain that it came to nothing.
    const pending = { body, after: channel.lastMessage?.index ?? -1, requests: new Map(), others: new Set() };
    this.pending.push(pending);
    return pending;
  }

  /** Send it, or send it again; resolves to the message's index, or to undefined. */
  async send(pending, channel) {
    Object.assign(pending, { error: undefined, isUnknown: false, isRefused: false, request: null });
    this.#changed();
    try {
      const index = await channel.sendMessage(pending.body);
      this.#became(pending, index);
      this.#changed();
      return index;
    } catch (error) {
      this.#failed(pending, error);
      return undefined;
    }
  }

  discard(pending) {
    this.#drop(pending);
    this.#changed();
  }

  #failed(pending, error) {
    if (!this.pending.includes(pending) || pending.index !== undefined) return;
    if (pending.isRefused) pending.requests.delete(pending.request);
    pending.error = explain(error);
    // What was refused was not sent, nor was what never left.
    pending.isUnknown = pending.requests.size > 0;
    if (!pending.isUnknown) pending.twin = undefined;
    if (pending.twin !== undefined) this.#became(pending, pending.twin);
    else if (!this.watcher) this.unseen(pending);
    this.#changed();
  }

  #became(pending, index) {
    this.known.add(index);
    Object.assign(pending, { index, error: undefined, isUnknown: false });
  }

  #drop(pending) {
    this.pending = this.pending.filter((one) => one !== pending);
  }

  #dropSent() {
    this.pending = this.pending.filter(({ index }) => index === undefined);
  }

  #changed() {
    if (this.watcher) this.watcher();
    else this.#dropSent();
  }

  // What comes back.

  /** A message of this person's: it takes the place of the one that was on its way, whose answer may be lost. */
  arrived({ index, body }) {
    const own = this.pending.find((pending) => pending.index === index);
    if (own) this.#drop(own);
    if (this.known.has(index) || this.pending.some(({ twin }) => twin === index)) return;
    const found = this.pending.find(
      (pending) =>
        pending.body === body &&
        pending.index === undefined &&
        pending.twin === undefined &&
        pending.requests.size > 0 &&
        index > pending.after &&
        !pending.others.has(index),
    );
    if (!found) return;
    // Of what is still on its way an answer will tell for sure.
    if (!found.isUnknown) found.twin = index;
    else {
      this.known.add(index);
      this.#drop(found);
    }
  }

  /** Forget what was sent and is shown by now: the messages up to an index are known, those `removed` are gone. */
  forgetShown(last, removed) {
    const isShown = ({ index }) => index !== undefined && (index <= last || removed.has(index));
    this.pending = this.pending.filter((pending) => !isShown(pending));
  }

  /** A frame that passed a socket. What it says of a request is surer than that a message looks like what was sent. */
  note(frame, socket) {
    if (Array.isArray(frame)) for (const one of frame) this.note(one, socket);
    else if (frame?.action === 'sendMessage' && frame.channel === this.sid) this.#left(frame, socket);
    else if (frame?.event === 'messageAdded' && frame.channel_sid === this.sid) this.#pushed(frame, socket);
    else if (frame?.status && frame.id !== undefined) this.#answered(frame);
  }

  #of(request) {
    return this.pending.find(({ requests }) => requests.has(request));
  }

  #left({ id, body }, socket) {
    const again = this.#of(id);
    if (again) {
      again.isRefused = false;
      // Over which of the sockets it reached the service is not to be known.
      if (again.requests.get(id) !== socket) again.requests.set(id, null);
      return;
    }
    const next = this.pending.find((one) => one.request === null && one.error === undefined && one.body === body);
    next?.requests.set(id, socket);
    if (next) next.request = id;
  }

  /** The push that a request caused is marked with it, on the socket that the request came over. */
  #pushed({ request, message }, socket) {
    const own = this.#of(request);
    if (own) this.#became(own, message.index); // the client tells of the message in its turn
    else
      for (const { requests, others } of this.pending)
        if ([...requests.values()].every((one) => one === socket)) others.add(message.index);
  }

  /** An answer. One that comes in time the client hears, and after a refusal it may ask again. */
  #answered({ id, result, error }) {
    const pending = this.#of(id);
    if (!pending) return;
    if (pending.request === id && pending.error === undefined) {
      pending.isRefused = Boolean(error);
      return;
    }
    if (!error) {
      this.#became(pending, result.index);
    } else {
      pending.requests.delete(id);
      if (pending.requests.size === 0 && pending.error !== undefined)
        Object.assign(pending, { error: explain(error), isUnknown: false, twin: undefined });
    }
    this.#changed();
  }
}
