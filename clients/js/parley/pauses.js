const FIRST = 500;
const LONGEST = 30_000;
/** After a session that lasted this long, pauses start small again. */
const LASTING = 30_000;
/** After a session, the pause grows only this far: the server works, and requests must not wait until they time out. */
const DOUBLINGS_AFTER_SESSION = 3;

/**
 * How long to wait before each attempt to connect. Pauses double while attempts fail, and vary at random so that
 * clients do not all come back at once. clients/vectors/pauses.json has examples.
 */
export class Pauses {
  #doublings = 0;
  #began = null;

  /** A session has begun, or has moved to another socket. */
  sessionBegan(now) {
    this.#began ??= now;
  }

  /**
   * How long to wait after an attempt has failed or the last socket is gone. `isCrowded`: the server closed the socket
   * because of newer ones. Coming back at once would close one of those.
   */
  next(now, chance, isCrowded = false) {
    if (this.#began !== null) {
      const hasLasted = now - this.#began >= LASTING;
      this.#doublings = hasLasted ? 0 : Math.min(this.#doublings, DOUBLINGS_AFTER_SESSION);
      this.#began = null;
    }
    if (isCrowded) return (LONGEST * (1 + chance)) / 2;
    const longest = Math.min(LONGEST, FIRST * 2 ** this.#doublings);
    this.#doublings += 1;
    return chance * longest;
  }
}
