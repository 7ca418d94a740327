import { ParleyError, WRONG_GRANTS } from "./errors.js";

/** How long before its expiry a token counts as about to expire. */
const LEAD = 180_000;
/**
 * For this time after a token came, the client ignores the server's `tokenAboutToExpire`. Otherwise a function that
 * returns short-lived tokens would be called again and again.
 */
const YOUNG = 10_000;

/** When a token expires and whose it is, from its claims; null for a missing claim or an unreadable token. */
function claimsOf(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const { exp, grants } = JSON.parse(new TextDecoder().decode(bytes));
    return { expiresAt: Number.isFinite(exp) ? exp * 1000 : null, identity: grants?.identity ?? null };
  } catch {
    return { expiresAt: null, identity: null };
  }
}

/** The text, if it can be an access token. An error never holds it: errors are logged. */
export function checkToken(text) {
  if (typeof text !== "string" || text === "") {
    const hint = typeof text?.token === "string" ? ": return the member `token` of this object" : "";
    throw new TypeError(`an access token must be a string that is not empty${hint}`);
  }
  if (!/^[\w.~+/=-]+$/.test(text)) {
    throw new TypeError(
      "this is not an access token, which has letters, digits and dots, and no quotes or spaces. " +
        "Does your token server answer JSON? Then return its member `token`.",
    );
  }
  return text;
}

/**
 * The current token, and the source of new ones. It calls two hooks once per token: `aboutToExpire` before the token
 * expires, and `expired` when it does.
 */
export class Tokens {
  #provider;
  #environment;
  #hooks;
  #current = null;
  #timers = [];
  #isOver = false;

  constructor(source, environment, hooks) {
    this.#environment = environment;
    this.#hooks = hooks;
    if (typeof source === "function") this.#provider = source;
    else this.#take(source);
  }

  get hasProvider() {
    return this.#provider !== undefined;
  }

  get text() {
    return this.#current.text;
  }

  /** A token for an attempt to connect: a new one from the provider, or the current one if there is no provider. */
  async forAttempt() {
    if (this.#provider) this.#take(await this.#provider());
    else this.#watch();
    return this.text;
  }

  /** Make a token the current one. */
  renew(text) {
    this.#take(text);
  }

  /** Get a new token from the provider. It does not become the current one yet. */
  async fromProvider() {
    return checkToken(await this.#provider());
  }

  /** The server says when the current token expires. That counts only if the token itself does not say. */
  expiresAt(moment) {
    if (this.#current.expiresAt !== null || !Number.isFinite(moment)) return;
    this.#current.expiresAt = moment;
    this.#watch();
  }

  serverSaysAboutToExpire() {
    if (this.#environment.now() - this.#current.takenAt >= YOUNG) this.#aboutToExpire();
  }

  #aboutToExpire() {
    const { isAnnounced, expiresAt } = this.#current;
    if (isAnnounced) return;
    this.#current.isAnnounced = true;
    this.#hooks.aboutToExpire(expiresAt === null ? LEAD : Math.max(0, expiresAt - this.#environment.now()));
  }

  expired() {
    if (this.#current.isExpired) return;
    this.#current.isExpired = true;
    this.#hooks.expired();
  }

  stop() {
    this.#timers.forEach((timer) => this.#environment.cancel(timer));
    this.#timers = [];
  }

  /** Stop watching tokens, even one that the provider has not returned yet. */
  end() {
    this.#isOver = true;
    this.stop();
  }

  #take(text) {
    const { expiresAt, identity } = claimsOf(checkToken(text));
    const before = this.#hooks.identity();
    if (identity !== null && before !== null && identity !== before) {
      throw new ParleyError(`the token is of ${identity}, but the client is ${before}`, 403, WRONG_GRANTS);
    }
    const takenAt = this.#environment.now();
    this.#current = { text, takenAt, expiresAt, isAnnounced: false, isExpired: false };
    this.#watch();
  }

  #watch() {
    this.stop();
    if (this.#isOver) return;
    const { expiresAt, takenAt } = this.#current;
    // If a new token seems expired already, this clock is wrong. Only the server knows when the token expires.
    if (expiresAt === null || expiresAt <= takenAt) return;
    const lead = Math.min(LEAD, (expiresAt - takenAt) / 2);
    const left = expiresAt - this.#environment.now();
    this.#timers = [
      this.#environment.after(left - lead, () => this.#aboutToExpire()),
      this.#environment.after(left, () => this.expired()),
    ];
  }
}
