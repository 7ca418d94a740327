// A WebSocket class with a bad network behind it: it can be cut, and lose, double, change or delay what the server sends.

/**
 * Make a class from another. `Made.sockets` are its sockets, oldest first; `terminate()` of one breaks its connection.
 *
 * `arriving(text)` gives what arrives in place of a text from the server: none, one or more texts. `pause()` gives the
 * milliseconds that it takes on its way. It never overtakes what was sent before it.
 */
export function unreliable(Sockets, { arriving = (text) => [text], pause = () => 0 } = {}) {
  return class Unreliable extends Sockets {
    static sockets = [];
    #queue = [];
    #last = 0;

    constructor(...given) {
      super(...given);
      Unreliable.sockets.push(this);
    }

    set onmessage(listener) {
      super.onmessage = ({ data }) => {
        for (const text of arriving(data)) this.#carry(text, listener);
      };
    }

    #carry(text, listener) {
      this.#last = Math.max(this.#last, Date.now() + pause());
      this.#queue.push({ text, at: this.#last, listener });
      if (this.#queue.length === 1) this.#next();
    }

    #next() {
      while (this.#queue.length > 0 && this.#queue[0].at <= Date.now()) {
        const { text, listener } = this.#queue[0];
        listener({ data: text });
        this.#queue.shift();
      }
      if (this.#queue.length > 0) setTimeout(() => this.#next(), this.#queue[0].at - Date.now());
    }
  };
}
