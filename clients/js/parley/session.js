import { CatchingUp } from "./catching_up.js";
import { KNOWN_RECORDS } from "./channel.js";
import { Delivery } from "./delivery.js";
import { Files } from "./files.js";
import { Memberships } from "./memberships.js";
import { Paginator } from "./paginator.js";
import { Recent } from "./recent.js";
import { Teller } from "./teller.js";
import { Typing } from "./typing.js";
import { User } from "./user.js";
import { Users } from "./users.js";

const LARGEST_PAGE = 100;

/** Holds all objects of the client, passes pushes to them, and sends their requests. */
export class Session {
  service = null;
  files;
  #connection;
  #environment;
  #teller;
  #typing;
  #users;
  #delivery;
  #catchingUp;
  #memberships;

  constructor(client, connection, environment) {
    this.#connection = connection;
    this.#environment = environment;
    this.files = new Files(environment, connection);
    this.#teller = new Teller(client);
    this.#typing = new Typing(environment, this.#teller);
    this.#users = new Users(this, environment, connection, this.#teller);
    this.#delivery = new Delivery(this.#teller, this.#typing, () => this.user.identity);
    this.#catchingUp = new CatchingUp(environment, connection, {
      deliver: (channel, push) => this.#delivery.deliver(channel, push),
      refetch: (channel) => this.#refetch(channel),
      left: (channel) => this.left(channel),
      removed: (channel) => this.removed(channel),
    });
    this.#memberships = new Memberships(this, this.#teller, this.#catchingUp);
  }

  // The connection

  /** Runs on each new connection: fetches the present state, and the changes missed since the last connection. */
  async start(ask) {
    const [session, listed] = await Promise.all([
      ask("fetchSession", {}),
      this.listAll("listMyChannels", "channels", {}, ask),
    ]);
    this.service = session.service;
    this.files.sessionBegan(session);
    this.#connection.tokenExpiresAt(Date.parse(session.token_expires_at));
    this.#users.showOwn(session.user);
    const missing = this.#memberships.compare(listed);
    // If no answer comes, the followers note that and ask again.
    await this.#catchingUp.run(ask, missing).catch(() => {});
    await this.#users.followAgain(ask);
    this.#memberships.hasStarted = true;
    this.#catchingUp.schedule();
  }

  /** A push came. */
  receive(push) {
    if (push.event === "typingStarted") this.#startTyping(push);
    else if (push.event === "pushesMissed") this.#missed(push);
    else if (push.event === "userUpdated") this.#users.updated(push);
    else if (this.#memberships.concerns(push)) this.#memberships.receive(push);
    else if (push.channel_sid !== undefined && Number.isInteger(push.seq)) this.#changed(push);
  }

  stop() {
    this.#catchingUp.stop();
    this.#users.stop();
    for (const channel of this.channels.values()) this.#typing.stopAll(channel, false);
  }

  #startTyping(push) {
    const channel = this.channels.get(push.channel_sid);
    if (channel?._follower) this.#typing.start(channel, push);
  }

  #missed({ channels }) {
    for (const [sid, seq] of Object.entries(channels)) {
      const channel = this.channels.get(sid);
      if (channel?._follower) this.#catchingUp.missed(channel, seq);
    }
  }

  #changed(push) {
    const channel = this.channels.get(push.channel_sid);
    if (channel?._follower) {
      this.#catchingUp.receive(channel, push);
    } else if (channel?._status === "invited" && push.event === "channelUpdated") {
      if ((push.channel.version ?? push.channel.seq) <= channel._version) return;
      this.#delivery.deliver(channel, push);
    } else {
      this.#memberships.keep(push);
    }
  }

  #refetch(channel) {
    this.#typing.stopAll(channel);
    channel._messages = new Recent(KNOWN_RECORDS);
    channel._members = new Recent(KNOWN_RECORDS);
    this.#teller.client("channelRefetched", { channel });
  }

  // For the objects

  now() {
    return this.#environment.now();
  }

  request(action, members, kind) {
    return this.#connection.request(action, members, kind);
  }

  /** Resolves when the promise is settled in either way, or after so many milliseconds. */
  async atMost(milliseconds, promise) {
    let timer;
    const tooLate = new Promise((resolve) => {
      timer = this.#environment.after(milliseconds, resolve);
    });
    await Promise.race([promise.catch(() => {}), tooLate]);
    this.#environment.cancel(timer);
  }

  /** All items of a paged list. */
  async listAll(action, name, members = {}, ask = (...given) => this.request(...given, "read")) {
    const items = [];
    let after;
    do {
      const page = await ask(action, { ...members, page_size: LARGEST_PAGE, after });
      items.push(...page[name]);
      after = page.next ?? undefined;
    } while (after !== undefined);
    return items;
  }

  /** A page of a list. `show` turns each item into an object or a promise of one; null leaves the item out. */
  async page(action, name, members, show, after, previous = null) {
    const page = await this.request(action, { ...members, after }, "read");
    const again = () => this.page(action, name, members, show, after, previous);
    const next = page.next ?? null;
    const shown = await Promise.all(page[name].map(show));
    return new Paginator(
      shown.filter((item) => item !== null),
      next === null ? null : () => this.page(action, name, members, show, next, again),
      previous,
    );
  }

  // Channels

  get channels() {
    return this.#memberships.channels;
  }

  channel(view) {
    return this.#memberships.channel(view);
  }

  joined(channel, seq) {
    this.#memberships.joined(channel, seq);
  }

  left(channel) {
    this.#memberships.left(channel);
  }

  removed(channel) {
    this.#memberships.removed(channel);
  }

  // Users

  /** The client's own user. */
  get user() {
    return this.#users.own;
  }

  async follow(identity) {
    return this.#users.follow(identity);
  }

  async unfollow(user) {
    await this.#users.unfollow(user);
  }

  /** All followed users, the client's own first. */
  followed() {
    return this.#users.all();
  }

  /** Fetch a user as it is now. */
  async descriptor(identity) {
    return new User(this)._apply(await this.request("fetchUser", { identity }, "read"));
  }
}
