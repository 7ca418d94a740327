/** Raises events: on the client, and on the object that the event is about. */
export class Teller {
  #client;

  constructor(client) {
    this.#client = client;
  }

  /** An event of the client only. */
  client(event, payload) {
    this.#client._emit(event, payload);
  }

  /** An event of the client and of a channel. */
  channel(channel, event, payload) {
    this.#client._emit(event, payload);
    channel._emit(event, payload);
  }

  /** A message or a member has changed. */
  updated(kind, object, updateReasons) {
    const payload = { [kind]: object, updateReasons };
    this.channel(object.channel, `${kind}Updated`, payload);
    object._emit("updated", payload);
  }

  channelUpdated(channel, updateReasons) {
    const payload = { channel, updateReasons };
    this.#client._emit("channelUpdated", payload);
    channel._emit("updated", payload);
  }

  userUpdated(user, updateReasons) {
    const payload = { user, updateReasons };
    this.#client._emit("userUpdated", payload);
    user._emit("updated", payload);
  }
}
