import { Channel } from "./channel.js";
import { ChannelFollower } from "./follower.js";
import { Recent } from "./recent.js";

/** How many channels out of sight the client keeps. If the user sees one again, it is the same object. */
const REMOVED_CHANNELS = 100;
/** How many early pushes the client keeps per channel, and for how many channels. */
const MOST_EARLY = 100;

const EVENTS = new Set(["channelAdded", "channelJoined", "channelInvited", "channelLeft", "channelRemoved"]);

/** The channels, and the user's status in each: joined, invited or neither. The client follows joined channels only. */
export class Memberships {
  /** Every channel that the user sees, by SID. */
  channels = new Map();
  /** Whether the first list is known. The client begins with it and raises no events for it. */
  hasStarted = false;
  #session;
  #teller;
  #catchingUp;
  /** Channels that the user can no longer see. */
  #removed = new Recent(REMOVED_CHANNELS);
  /** Early pushes, of channels that are not known or not joined yet, by SID. */
  #early = new Map();

  constructor(session, teller, catchingUp) {
    this.#session = session;
    this.#teller = teller;
    this.#catchingUp = catchingUp;
  }

  /** The object for a channel, updated to this view unless it shows a newer one. */
  channel(view) {
    let channel = this.channels.get(view.sid);
    if (channel === undefined) {
      channel = this.#removed.get(view.sid) ?? new Channel(this.#session);
      this.#removed.delete(view.sid);
      this.channels.set(view.sid, channel);
    }
    return channel._apply(view);
  }

  /** Update the channels to the list of the user's channels; returns the known channels that the list lacks. */
  compare(listed) {
    const sids = new Set();
    for (const { channel: view, user_channel: userChannel } of listed) {
      sids.add(view.sid);
      const channel = this.channel(view);
      // A push about the user's membership came that is newer than the list.
      if (view.seq < channel._membershipSeq) continue;
      channel._consumed(userChannel);
      if (userChannel.status !== "joined") this.#invited(channel, view.seq);
      else if (channel._follower !== null) this.#catchingUp.expect(channel, view.seq);
      else this.#follow(channel, view.seq, view.seq + 1);
      channel._isListed = true;
    }
    const missing = [...this.channels.values()].filter(
      (channel) => channel._status !== "notParticipating" && !sids.has(channel.sid),
    );
    for (const channel of missing) if (channel._follower !== null) this.#catchingUp.expect(channel, -1);
    return missing;
  }

  /** Whether a push is about the user's own membership or invite. */
  concerns({ event }) {
    return EVENTS.has(event);
  }

  /** A push about the user's own membership or invite came. */
  receive(push) {
    const known = this.channels.get(push.channel_sid ?? push.channel?.sid);
    const seq = push.seq ?? push.channel?.seq ?? 0;
    if (push.event === "channelLeft" || push.event === "channelRemoved") {
      if (known === undefined) return;
      if (seq < known._membershipSeq) {
        if (known._isListed && known._follower !== null) this.#catchingUp.doubt(known);
        return;
      }
      if (push.event === "channelRemoved") this.removed(known);
      else this.left(known, seq);
      return;
    }
    const channel = this.channel(push.channel);
    if (push.user_channel) channel._consumed(push.user_channel);
    if (push.event === "channelAdded") this.#announce(channel);
    else if (push.event === "channelJoined") this.joined(channel, seq);
    else if (seq > channel._membershipSeq) this.#invited(channel, seq);
  }

  /** Keep a push of a channel until the channel is known and joined. */
  keep(push) {
    const early = this.#early.get(push.channel_sid) ?? [];
    if (early.length < MOST_EARLY) early.push(push);
    this.#early.set(push.channel_sid, early);
    if (this.#early.size > MOST_EARLY) this.#early.delete(this.#early.keys().next().value);
  }

  /** The user became a member with the change `seq`. */
  joined(channel, seq) {
    if (seq <= channel._membershipSeq) return;
    if (channel._follower === null) this.#follow(channel, seq, seq);
    else channel._membershipSeq = seq;
    channel._isListed = false;
  }

  /** The user is no longer a member or invited. */
  left(channel, seq = channel._membershipSeq) {
    this.#catchingUp.end(channel);
    channel._membershipSeq = seq;
    channel._userChannel = {};
    this.#early.delete(channel.sid);
    this.#setStatus(channel, "notParticipating", "channelLeft");
  }

  /** The channel was deleted, or this user can no longer see it. */
  removed(channel) {
    if (this.channels.get(channel.sid) !== channel) return;
    this.#catchingUp.end(channel);
    this.channels.delete(channel.sid);
    this.#removed.set(channel.sid, channel);
    this.#early.delete(channel.sid);
    channel._status = "notParticipating";
    this.#teller.client("channelRemoved", channel);
    channel._emit("removed", channel);
  }

  #announce(channel) {
    if (channel._isAnnounced) return;
    channel._isAnnounced = true;
    this.#teller.client("channelAdded", channel);
  }

  /** Follow a channel from `mark` on, and begin with the early pushes from `first` on. */
  #follow(channel, mark, first) {
    channel._membershipSeq = mark;
    channel._follower = new ChannelFollower(mark);
    this.#setStatus(channel, "joined", "channelJoined");
    const early = this.#early.get(channel.sid) ?? [];
    this.#early.delete(channel.sid);
    early.filter((push) => push.seq >= first).forEach((push) => this.#catchingUp.receive(channel, push));
  }

  #invited(channel, seq) {
    this.#catchingUp.end(channel);
    channel._membershipSeq = seq;
    this.#setStatus(channel, "invited", "channelInvited");
  }

  #setStatus(channel, status, event) {
    if (channel._status === status) return;
    channel._status = status;
    if (!this.hasStarted) return;
    this.#teller.client(event, channel);
    this.#teller.channelUpdated(channel, ["status"]);
  }
}
