// The messages that one person has sent to one channel and that are not yet among the channel's messages. They outlive
// the conversation that shows them: a person who looks at another channel and comes back finds them again.

import { explain } from './dom.js';

/** Why a message is still here, in one line: it was not sent, or nobody knows. */
export const outcome = ({ error, isUnknown }) =>
  `${isUnknown ? 'It is unknown whether this was sent' : 'Not sent'}: ${error}`;

export class Outbox {
  /** `unseen(pending)` is called when a message fails while no conversation shows it. */
  constructor(sid, unseen = () => {}) {
    this.sid = sid;
    this.unseen = unseen;
    this.pending = [];
    this.known = new Set(); // the indexes of messages that were sent from here
    this.watcher = null;
  }

  /** From now on, call `watcher` after each change; null: call nobody. */
  watch(watcher) {
    this.watcher = watcher;
    if (!watcher) this.#dropSent();
  }

  /** Add a text and files that are to be sent. */
  add(body, files, channel) {
    // `requests` holds the socket of each request, by its id, unless it is certain that the request did nothing.
    const after = channel.lastMessage?.index ?? -1;
    const pending = { body, files, after, requests: new Map(), others: new Set() };
    this.pending.push(pending);
    return pending;
  }

  /** Send a pending message, or send it again; resolves to the message's index, or to undefined after a failure. */
  async send(pending, channel) {
    Object.assign(pending, { error: undefined, isUnknown: false, isRefused: false, request: null, progress: 0 });
    this.#changed();
    try {
      const index = await this.#sent(pending, channel);
      this.#became(pending, index);
      this.#changed();
      return index;
    } catch (error) {
      this.#failed(pending, error);
      return undefined;
    }
  }

  async #sent(pending, channel) {
    const { body, files } = pending;
    if (files.length === 0) return channel.sendMessage(body);
    const controller = new AbortController();
    pending.controller = controller;
    const onProgress = ({ loaded, total }) => {
      pending.progress = loaded / total;
      pending.tell?.();
    };
    return channel.sendMedia(files, { body: body || undefined, onProgress, signal: controller.signal });
  }

  /** Forget a pending message. If its files are being uploaded, that stops. */
  discard(pending) {
    pending.controller?.abort();
    this.#drop(pending);
    this.#changed();
  }

  #failed(pending, error) {
    if (!this.pending.includes(pending) || pending.index !== undefined) return;
    if (pending.isRefused) pending.requests.delete(pending.request);
    pending.error = explain(error);
    // A request that was refused, or never left, has sent nothing.
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

  // Messages and answers that come back.

  /** A message of this person has arrived: it replaces the pending one, whose answer may be lost. */
  arrived({ index, body, attachedMedia }) {
    const own = this.pending.find((pending) => pending.index === index);
    if (own) this.#drop(own);
    if (this.known.has(index) || this.pending.some(({ twin }) => twin === index)) return;
    const found = this.pending.find(
      (pending) =>
        pending.body === (body ?? '') &&
        pending.files.length === attachedMedia.length &&
        pending.index === undefined &&
        pending.twin === undefined &&
        pending.requests.size > 0 &&
        index > pending.after &&
        !pending.others.has(index),
    );
    if (!found) return;
    // While a request waits for its answer, only the answer says for sure which message it has become.
    if (!found.isUnknown) found.twin = index;
    else {
      this.known.add(index);
      this.#drop(found);
    }
  }

  /**
   * Forget what was sent and is shown by now: all messages up to `last` are loaded, and those in `removed` are gone.
   */
  forgetShown(last, removed) {
    const isShown = ({ index }) => index !== undefined && (index <= last || removed.has(index));
    this.pending = this.pending.filter((pending) => !isShown(pending));
  }

  /** Read a frame. The id of a request in it identifies a message more surely than the message's text does. */
  note(frame, socket) {
    if (Array.isArray(frame)) for (const one of frame) this.note(one, socket);
    else if (frame?.action === 'sendMessage' && frame.channel === this.sid) this.#left(frame, socket);
    else if (frame?.event === 'messageAdded' && frame.channel_sid === this.sid) this.#pushed(frame, socket);
    else if (frame?.status && frame.id !== undefined) this.#answered(frame);
  }

  #of(request) {
    return this.pending.find(({ requests }) => requests.has(request));
  }

  #left({ id, body = '', media_sid, media_sids = media_sid ? [media_sid] : [] }, socket) {
    const again = this.#of(id);
    if (again) {
      again.isRefused = false;
      // The request was sent again over another socket, so nobody knows over which one it reached the service.
      if (again.requests.get(id) !== socket) again.requests.set(id, null);
      return;
    }
    const next = this.pending.find(
      ({ request, error, body: text, files }) =>
        request === null && error === undefined && text === body && files.length === media_sids.length,
    );
    if (!next) return;
    next.requests.set(id, socket);
    next.request = id;
    if (next.files.length > 0) this.#changed(); // The upload is over.
  }

  /** On the socket that a request came over, the push that it caused carries the request's id. */
  #pushed({ request, message }, socket) {
    const own = this.#of(request);
    if (own) this.#became(own, message.index); // The client reports the message later.
    else
      for (const { requests, others } of this.pending)
        if ([...requests.values()].every((one) => one === socket)) others.add(message.index);
  }

  /**
   * An answer to a request. The client hears it too if it comes in time, and may send the request again after a
   * refusal.
   */
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
