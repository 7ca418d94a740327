import { addressOf } from "./member.js";

/** Updates the objects of a channel with a new push, and tells the application. */
export class Delivery {
  #teller;
  #typing;
  #ownIdentity;

  constructor(teller, typing, ownIdentity) {
    this.#teller = teller;
    this.#typing = typing;
    this.#ownIdentity = ownIdentity;
  }

  deliver(channel, push) {
    const { message, member, updateReasons = [] } = push;
    switch (push.event) {
      case "messageAdded":
        return this.#messageAdded(channel, channel._message(message));
      case "messageUpdated":
        return this.#teller.updated("message", channel._message(message), updateReasons);
      case "messageRemoved":
        return this.#messageRemoved(channel, message, push.seq, push.last_message_index ?? null);
      case "memberJoined":
        return this.#teller.channel(channel, "memberJoined", channel._member(member));
      case "memberUpdated":
        return this.#memberUpdated(channel, channel._member(member), updateReasons);
      case "memberLeft":
        return this.#memberLeft(channel, member, push.seq);
      case "channelUpdated":
        if (push.user_channel) channel._consumed(push.user_channel);
        channel._apply(push.channel);
        return this.#teller.channelUpdated(channel, updateReasons);
      default:
        return undefined;
    }
  }

  #messageAdded(channel, message) {
    this.#typing.stop(channel, message.author);
    const isLast = channel._sawMessage(message);
    this.#teller.channel(channel, "messageAdded", message);
    if (isLast) this.#teller.channelUpdated(channel, ["lastMessage"]);
  }

  #messageRemoved(channel, view, seq, lastMessageIndex) {
    const message = channel._message(view);
    channel._messages.delete(view.sid);
    channel._removed.set(view.sid, seq);
    const wasLast = channel._lostMessage(message, lastMessageIndex);
    this.#teller.channel(channel, "messageRemoved", message);
    if (wasLast) this.#teller.channelUpdated(channel, ["lastMessage"]);
  }

  #memberUpdated(channel, member, updateReasons) {
    this.#teller.updated("member", member, updateReasons);
    if (member.identity !== this.#ownIdentity() || !updateReasons.includes("lastConsumedMessageIndex")) return;
    channel._consumed({ last_consumed_message_index: member.lastConsumedMessageIndex });
    this.#teller.channelUpdated(channel, ["lastConsumedMessageIndex"]);
  }

  #memberLeft(channel, view, seq) {
    const member = channel._member(view);
    this.#typing.stop(channel, view.identity);
    channel._members.delete(addressOf(view));
    channel._removed.set(view.sid, seq);
    this.#teller.channel(channel, "memberLeft", member);
  }
}
