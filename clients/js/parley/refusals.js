import { HandshakeError, UnusableTokenError } from "./errors.js";

/**
 * If handshakes fail without a status although the server can be reached, the client blames the token after this time:
 * the first value before the first connection, the second value after it.
 */
const PATIENCE_AT_FIRST = 10_000;
const PATIENCE_LATER = 60_000;
const PROBE_TIMEOUT = 5_000;
/** The statuses of refusals that another attempt with the same token would meet again. */
const HOPELESS = new Set([400, 401, 403, 404]);

/** Decides whether a failed attempt to connect means that the token is refused, so that trying again is no use. */
export class Refusals {
  #environment;
  #hasProvider;
  #since = null;
  #wasConnected = false;

  /** With a function for tokens, a client that was connected before never gives up: the next token may be good. */
  constructor(environment, hasProvider) {
    this.#environment = environment;
    this.#hasProvider = hasProvider;
  }

  /** A socket opened, or another token came: earlier failures no longer count. */
  forget() {
    this.#since = null;
  }

  connected() {
    this.#wasConnected = true;
  }

  /** Whether an attempt failed in a way that trying again cannot mend. */
  async isFinal(failure) {
    if (failure instanceof UnusableTokenError) return true;
    if (!(failure instanceof HandshakeError)) return false;
    if (failure.status !== null) return HOPELESS.has(failure.status);
    if (failure.wasTimeout) {
      this.forget();
      return false;
    }
    this.#since ??= this.#environment.now();
    if (this.#environment.now() - this.#since < this.#patience()) return false;
    const isReachable = await this.#isReachable();
    if (!isReachable) this.forget();
    return isReachable;
  }

  /** A server in trouble looks like one that refuses the token. If it accepted tokens before, it may do so again. */
  #patience() {
    if (!this.#wasConnected) return PATIENCE_AT_FIRST;
    return this.#hasProvider ? Infinity : PATIENCE_LATER;
  }

  /**
   * Whether anything answers at the server's address. If the platform shows no status, this tells a refused handshake
   * from a broken network. It does not test the token: this request is not a handshake, and browsers hide the answer.
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
}
