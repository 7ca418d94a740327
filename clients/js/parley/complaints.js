/** Tells the option `log` why there is no connection: once of each cause, however often the client tries again. */
export class Complaints {
  #log;
  #place;
  #told = new Set();

  constructor({ log, url }) {
    this.#log = log;
    // The query may hold a secret.
    this.#place = url.split("?")[0];
  }

  /** Something is wrong with the connection, as `connectionError` tells. */
  failed({ message, httpStatusCode, errorCode }) {
    const cause = httpStatusCode ? `${httpStatusCode} ${errorCode}` : message;
    if (this.#log === null || this.#told.has(cause)) return;
    this.#told.add(cause);
    const status = httpStatusCode ? ` (status ${httpStatusCode})` : "";
    this.#log(`connection to ${this.#place}: ${message}${status}`);
  }

  /** There is a connection. Whatever comes next is told again. */
  connected() {
    this.#told.clear();
  }
}
