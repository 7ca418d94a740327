/** How long the change of a number may still be written, in milliseconds, as the server sees it. */
const SETTLED_AFTER = 60_000;

/**
 * Remembers the numbers that a client has skipped in a channel, because their changes may still be written.
 *
 * A function may be slow between taking a number and writing the change. For a minute, the server does not say that
 * such a number stays empty. If the change comes after all, its push reaches the client, unless it is lost with the
 * socket. So the client asks again at three moments: at the end of that minute, after a reconnect, and if the server has
 * given up pushes.
 */
export class Skipped {
  /** The number before the first one, and the last one. Those in the middle may have been seen. */
  after = 0;
  upTo = 0;
  /** When to ask about them; null if no number is skipped. */
  askAt = null;

  /** The client skips the numbers from `after` + 1 to `upTo`. */
  add(after, upTo, now) {
    if (this.askAt === null) [this.after, this.askAt] = [after, now + SETTLED_AFTER];
    this.upTo = upTo;
  }

  /** The push of a number came after all. If only this number is skipped, nothing is left to ask. */
  see(seq) {
    if (this.after === seq - 1 && this.upTo === seq) this.askAt = null;
  }

  /** An answer has covered the numbers up to `seq`. If it `goesOn`, the server has more to say at once. */
  settle(seq, goesOn, now) {
    this.after = Math.max(this.after, seq);
    if (this.after >= this.upTo) this.askAt = null;
    else this.askAt = goesOn ? now : now + SETTLED_AFTER;
  }

  /** Ask at this time if one of the numbers up to `upTo` is skipped. */
  ask(at, upTo = Infinity) {
    if (this.askAt !== null && this.after < upTo) this.askAt = at;
  }

  /** The server refuses to answer: ask again later. */
  refused(now) {
    this.ask(now + SETTLED_AFTER);
  }

  /** The application fetches everything again, or the user has left: there is nothing to ask. */
  forget() {
    this.askAt = null;
  }
}
