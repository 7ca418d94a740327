import { NOT_FOUND, ParleyError, isRefusal } from "./errors.js";
import { User } from "./user.js";

const MOST_FOLLOWED = 100;
/** How many users with the largest names and attributes fit into one reply. */
const USERS_PER_REQUEST = 10;
const ASK_AGAIN_AFTER = 1_000;
const MOST_TRIES = 3;

/** The update reason for each field of a user. */
const REASONS = {
  friendly_name: "friendlyName",
  attributes: "attributes",
  is_online: "online",
  is_notifiable: "notifiable",
};

/** The users that the connection follows: the client's own, and up to a hundred that the application asked for. */
export class Users {
  /** The client's own user; null until the first session has begun. */
  own = null;
  #session;
  #environment;
  #connection;
  #teller;
  #followed = new Map();
  /** The users to follow with the next request, by identity: the promise and its resolvers. */
  #wanted = new Map();
  /** The last request that changes whom this connection follows; the server refuses two of them at the same time. */
  #lastChange = Promise.resolve();
  #timer = null;
  #isStopped = false;

  constructor(session, environment, connection, teller) {
    this.#session = session;
    this.#environment = environment;
    this.#connection = connection;
    this.#teller = teller;
  }

  /** A session began and shows the client's own user. */
  showOwn(view) {
    if (this.own === null) {
      this.own = new User(this.#session)._apply(view);
      this.own._isFollowed = true;
    } else {
      this.#update(this.own, view);
    }
  }

  /** A push about a changed user came. */
  updated({ user: view, updateReasons }) {
    const user = view.identity === this.own?.identity ? this.own : this.#followed.get(view.identity);
    this.#update(user, view, updateReasons);
  }

  all() {
    return [this.own, ...this.#followed.values()];
  }

  /** Fetch a user and follow it. Beyond the limit, drop the one followed longest. */
  async follow(identity) {
    if (identity === this.own.identity) return this.own;
    const known = this.#followed.get(identity);
    if (known) return known;
    let wanted = this.#wanted.get(identity);
    if (wanted === undefined) {
      wanted = {};
      wanted.user = new Promise((resolve, reject) => Object.assign(wanted, { resolve, reject }));
      if (this.#wanted.size === 0) this.#inTurn(() => this.#followWanted());
      this.#wanted.set(identity, wanted);
    }
    return wanted.user;
  }

  async unfollow(user) {
    if (!this.#followed.has(user.identity)) return;
    await this.#inTurn(() => this.#connection.request("unfollowUsers", { identities: [user.identity] }, "read"));
    this.#unfollowed(user.identity);
  }

  /** Follow over a new connection the users that the old connection followed. */
  async followAgain(ask) {
    await this.#followAgain(ask, [...this.#followed.keys()], 1);
  }

  stop() {
    this.#isStopped = true;
    this.#environment.cancel(this.#timer);
  }

  #inTurn(change) {
    const changed = this.#lastChange.then(change);
    this.#lastChange = changed.catch(() => {});
    return changed;
  }

  /** Ask for all users wanted so far, a few with each request. */
  async #followWanted() {
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    let atOnce = USERS_PER_REQUEST;
    while (wanted.length > 0) {
      const part = wanted.slice(0, atOnce);
      try {
        await this.#followAtOnce(part);
        wanted.splice(0, part.length);
      } catch (error) {
        // If the server refused several at once, ask for each alone. If no answer came, all have waited long enough.
        if (isRefusal(error) && part.length > 1) atOnce = 1;
        else wanted.splice(0, isRefusal(error) ? 1 : wanted.length).forEach(([, { reject }]) => reject(error));
      }
    }
  }

  async #followAtOnce(wanted) {
    const identities = wanted.map(([identity]) => identity);
    const { users, unfollowed = [] } = await this.#connection.request("followUsers", { identities }, "read");
    unfollowed.forEach((other) => this.#unfollowed(other));
    for (const [identity, { resolve, reject }] of wanted) {
      const view = users.find((user) => user.identity === identity);
      if (view === undefined) reject(new ParleyError(`there is no user ${identity}`, 404, NOT_FOUND));
      else resolve(this.#followed.get(identity) ?? this.#followedNow(view));
    }
  }

  #followedNow(view) {
    const user = new User(this.#session)._apply(view);
    user._isFollowed = true;
    this.#followed.set(user.identity, user);
    if (this.#followed.size > MOST_FOLLOWED) this.#unfollowed(this.#followed.keys().next().value);
    this.#teller.client("userSubscribed", user);
    return user;
  }

  #unfollowed(identity) {
    const user = this.#followed.get(identity);
    if (user === undefined) return;
    this.#followed.delete(identity);
    user._isFollowed = false;
    this.#teller.client("userUnsubscribed", user);
    user._emit("userUnsubscribed", user);
  }

  /** If the server refuses users, ask for them again a second later, up to twice. */
  async #followAgain(ask, identities, tries) {
    this.#environment.cancel(this.#timer);
    const refused = [];
    for (let first = 0; first < identities.length; first += USERS_PER_REQUEST) {
      const part = identities.slice(first, first + USERS_PER_REQUEST);
      try {
        this.#followedAgain(part, await ask("followUsers", { identities: part }));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        refused.push(...part);
      }
    }
    if (tries === MOST_TRIES) refused.forEach((identity) => this.#unfollowed(identity));
    else if (refused.length > 0) this.#followLater(refused, tries + 1);
  }

  /** If there is no connection by then, nothing is lost: the next session follows all users again. */
  #followLater(identities, tries) {
    if (this.#isStopped) return;
    this.#timer = this.#environment.after(ASK_AGAIN_AFTER, () => {
      if (this.#connection.state !== "connected") return;
      const ask = (action, members) => this.#connection.request(action, members, "write");
      this.#followAgain(ask, identities, tries).catch(() => {});
    });
  }

  #followedAgain(identities, { users, unfollowed = [] }) {
    const found = new Set(users.map((view) => view.identity));
    for (const view of users) this.#update(this.#followed.get(view.identity), view);
    const lost = identities.filter((identity) => !found.has(identity));
    [...unfollowed, ...lost].forEach((identity) => this.#unfollowed(identity));
  }

  #update(user, view, updateReasons = null) {
    if (user === undefined) return;
    const before = { seq: user._seq, ...user._view };
    user._apply(view);
    const differing = Object.entries(REASONS).flatMap(([member, reason]) =>
      user._view[member] === before[member] ? [] : [reason],
    );
    if (user._seq === before.seq && differing.length === 0) return;
    this.#teller.userUpdated(user, updateReasons ?? differing);
  }
}
