/** Calls listeners by event name. If one throws, the others are still called, and its error is reported as uncaught. */
export class Emitter {
  #listeners = new Map();

  on(event, listener) {
    if (typeof listener !== "function") throw new TypeError("a listener must be a function");
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
