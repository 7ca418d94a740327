import { Complaints } from "./complaints.js";
import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { environment } from "./environment.js";
import { ConnectionLostError, ParleyError } from "./errors.js";
import { checkedAttributes } from "./live.js";
import { Registrations, parsePushNotification } from "./notifications.js";
import { Paginator } from "./paginator.js";
import { Session } from "./session.js";
import { User } from "./user.js";

/** A user's connection to a service. `Client.create` connects. Every change arrives as an event. */
export class Client extends Emitter {
  #connection;
  #session;
  #registrations = new Registrations(this);
  #initialized = null;
  #settleInitialized;
  #complaints;

  /** Makes a client that connects only on `initialize`, so that listeners hear of its first attempts. */
  constructor(tokenOrProvider, options = {}) {
    super();
    const platform = environment(options);
    this.#complaints = new Complaints(platform);
    this.#connection = new Connection(tokenOrProvider, platform, {
      start: (ask) => this.#session.start(ask),
      push: (push) => this.#session.receive(push),
      stateChanged: (state) => this.#stateChanged(state),
      error: (details) => this.#failed(details),
      tokenAboutToExpire: (left) => this._emit("tokenAboutToExpire", left),
      tokenExpired: () => this._emit("tokenExpired"),
      identity: () => this.#session?.user?.identity ?? null,
    });
    this.#session = new Session(this, this.#connection, platform);
  }

  /** Connect; resolves when the channels are known. Rejects if the token is refused; retries if no server answers. */
  static async create(tokenOrProvider, options) {
    return new Client(tokenOrProvider, options).initialize();
  }

  async initialize() {
    if (this.#initialized === null) {
      this.#connection.start();
      this.#initialized = new Promise((resolve, reject) => {
        this.#settleInitialized = { resolve, reject };
      });
    }
    return this.#initialized;
  }

  get connectionState() {
    return this.#connection.state;
  }

  /** This client's own user; null before `initialize` is done. */
  get user() {
    return this.#session.user;
  }

  get reachabilityEnabled() {
    return this.#session.service?.reachability_enabled ?? false;
  }

  /** The channels that the user has joined or is invited to, on one page, since the client knows them already. */
  async getSubscribedChannels() {
    await this.#started();
    return new Paginator(this.#subscribed());
  }

  async getPublicChannelDescriptors(pageSize = 30) {
    return this.#session.page("listPublicChannels", "channels", { page_size: pageSize }, (view) =>
      this.#session.channel(view),
    );
  }

  async getChannelBySid(sid) {
    return this.#subscribed().find((channel) => channel.sid === sid) ?? this.#channel(sid);
  }

  async getChannelByUniqueName(uniqueName) {
    return this.#subscribed().find((channel) => channel.uniqueName === uniqueName) ?? this.#channel(uniqueName);
  }

  /** Create a channel. Its creator does not join it. `isPrivate` is how Twilio's SDK says `type: "private"`. */
  async createChannel({ friendlyName, uniqueName, type, isPrivate = false, attributes } = {}) {
    const view = await this.#connection.request("createChannel", {
      friendly_name: friendlyName,
      unique_name: uniqueName,
      type: type ?? (isPrivate ? "private" : "public"),
      attributes: checkedAttributes(attributes),
    });
    return this.#session.channel(view);
  }

  /** Fetch a user and follow it. Beyond a hundred users, the client drops the one followed longest. */
  async getUser(identity) {
    await this.#started();
    return this.#session.follow(identity);
  }

  async getSubscribedUsers() {
    await this.#started();
    return this.#session.followed();
  }

  /** Fetch a user as it is now, without following it. */
  async getUserDescriptor(identity) {
    return this.#session.descriptor(identity);
  }

  async getUserDescriptors(pageSize = 30) {
    return this.#session.page("listUsers", "users", { page_size: pageSize }, (view) =>
      new User(this.#session)._apply(view),
    );
  }

  /** Register a device for push notifications. */
  async registerBinding({ bindingType, address, credentialSid, endpoint, messageTypes }) {
    const view = await this.#connection.request("registerBinding", {
      binding_type: bindingType,
      address,
      credential_sid: credentialSid,
      endpoint,
      message_types: messageTypes,
    });
    return {
      sid: view.sid,
      bindingType: view.binding_type,
      endpoint: view.endpoint,
      identity: view.identity,
      credentialSid: view.credential_sid,
      messageTypes: view.message_types,
    };
  }

  async removeBinding(sid) {
    await this.#connection.request("removeBinding", { binding: sid });
  }

  /** Register this device's token for push notifications, as an endpoint of its own unless the access token names one. */
  async setPushRegistrationId(type, token) {
    await this.#registrations.set(type, token);
  }

  /** Remove what this client has registered of this type. */
  async unsetPushRegistrationId(type) {
    await this.#registrations.unset(type);
  }

  /** Remove all of the user's registrations of a device's token, whichever client made them. */
  async removePushRegistrations(type, token) {
    await this.#connection.request("removeBinding", { binding_type: type, address: token });
  }

  /** Emit `pushNotification` for a payload that the push service gave the application. */
  async handlePushNotification(payload) {
    this._emit("pushNotification", parsePushNotification(payload));
  }

  /** What a payload says, without a client: in a service worker there may be none. */
  static parsePushNotification(payload) {
    return parsePushNotification(payload);
  }

  /** Use another token of the same identity. If the server refuses it, this rejects and the old one stays in use. */
  async updateToken(token) {
    await this.#connection.updateToken(token);
    return this;
  }

  async shutdown() {
    this.#session.stop();
    await this.#connection.stop();
    this.#settleInitialized?.reject(new ConnectionLostError("the client is shut down: make a new one"));
  }

  #stateChanged(state) {
    if (state === "connected") {
      this.#complaints.connected();
      this.#settleInitialized.resolve(this);
      // The client was denied before, and has connected with another token.
      this.#initialized = Promise.resolve(this);
    }
    this._emit("connectionStateChanged", state);
  }

  #failed(details) {
    this.#complaints.failed(details);
    this._emit("connectionError", details);
    if (this.#connection.state !== "denied") return;
    this.#settleInitialized.reject(new ParleyError(details.message, details.httpStatusCode, details.errorCode));
    this.#initialized = null;
  }

  /** Wait until the first session has begun, at most as long as for a reply. */
  async #started() {
    if (this.user === null) await this.#connection.request("fetchSession", {}, "read");
  }

  /** The channels that the user has joined or is invited to. */
  #subscribed() {
    return [...this.#session.channels.values()].filter((channel) => channel.status !== "notParticipating");
  }

  async #channel(channel) {
    return this.#session.channel(await this.#connection.request("fetchChannel", { channel }, "read"));
  }
}
