import { filesIn, isMedia } from "./files.js";
import { Live, checkedAttributes } from "./live.js";
import { Member, addressOf } from "./member.js";
import { Message } from "./message.js";
import { Paginator } from "./paginator.js";
import { Recent } from "./recent.js";

/** How many messages, members and removals of a channel the client remembers. */
export const KNOWN_RECORDS = 2_000;
const LONGEST_WAIT_FOR_TYPING = 1_000;

/** A channel, kept up to date while the user is a member or invited. */
export class Channel extends Live {
  _status = "notParticipating";
  _follower = null;
  /** The `seq` of the last change of the user's own membership. */
  _membershipSeq = -1;
  /** Whether the membership came from a list. It may be older than the `seq` that the list shows for the channel. */
  _isListed = false;
  _isAnnounced = false;
  _userChannel = {};
  _messages = new Recent(KNOWN_RECORDS);
  _members = new Recent(KNOWN_RECORDS);
  _removed = new Recent(KNOWN_RECORDS);
  _typing = new Map();
  _lastMessage = null;
  /** The highest index of a message in any reply so far. Its push may not have come yet. */
  #highestIndex = -1;
  #quietUntil = 0;
  #lastSending = Promise.resolve();
  /** The open request that says that the user is typing. */
  #saysTyping = null;

  get uniqueName() {
    return this._view.unique_name ?? null;
  }

  get friendlyName() {
    return this._view.friendly_name ?? null;
  }

  get type() {
    return this._view.type;
  }

  get isPrivate() {
    return this.type === "private";
  }

  /** `active`, `inactive` or `closed`; nothing can be sent to a closed conversation. */
  get state() {
    return this._view.state ?? "active";
  }

  get createdBy() {
    return this._view.created_by;
  }

  get status() {
    return this._status;
  }

  /** The newest message's `index`, and its `dateCreated` once known; null while the channel is empty. */
  get lastMessage() {
    return this._lastMessage;
  }

  get lastConsumedMessageIndex() {
    return this._userChannel.last_consumed_message_index ?? null;
  }

  get notificationLevel() {
    return this._userChannel.notification_level ?? "default";
  }

  async join(attributes) {
    if (this._status === "joined") return this;
    const action = this._status === "invited" ? "acceptInvitation" : "joinChannel";
    return this.#join(action, attributes);
  }

  async acceptInvitation(attributes) {
    return this.#join("acceptInvitation", attributes);
  }

  async leave() {
    await this.#request("leaveChannel");
    this._session.left(this);
    return this;
  }

  async decline() {
    await this.#request("declineInvitation");
    this._session.left(this);
    return this;
  }

  async invite(identity) {
    await this.#request("inviteMember", { identity });
  }

  async add(identity, attributes) {
    await this.#request("addMember", { identity, attributes: checkedAttributes(attributes) });
  }

  async removeMember(memberOrIdentity) {
    const identity = memberOrIdentity instanceof Member ? memberOrIdentity._address : memberOrIdentity;
    await this.#request("removeMember", { identity });
  }

  /** All members, oldest first. */
  async getMembers() {
    const views = await this._session.listAll("listMembers", "members", { channel: this.sid });
    return views.filter((view) => !this._isRemoved(view)).map((view) => this._member(view));
  }

  async getMemberByIdentity(identity) {
    return this._member(await this.#request("fetchMember", { identity }, "read"));
  }

  /** The server takes a member's SID wherever it takes an identity. */
  async getMemberBySid(sid) {
    return this.getMemberByIdentity(sid);
  }

  /** The users of all members; the client does not follow them. */
  async getUserDescriptors(pageSize = 30) {
    const ofMember = async ({ identity }) => {
      // A phone has no user.
      if (!identity) return null;
      return this._session.descriptor(identity).catch((error) => {
        // After a user was deleted, its memberships stay for a while.
        if (error.status === 404) return null;
        throw error;
      });
    };
    return this._session.page("listMembers", "members", { channel: this.sid, page_size: pageSize }, ofMember);
  }

  async getMembersCount() {
    return (await this._fetch()).members_count;
  }

  async getMessagesCount() {
    return (await this._fetch()).messages_count;
  }

  /** How many messages come after the last consumed one; null if the user has not reported any as consumed. */
  async getUnconsumedMessagesCount() {
    const fetched = await this.#request("fetchMyChannel", {}, "read");
    this._apply(fetched.channel);
    return this._consumed(fetched.user_channel);
  }

  /** A page of messages, oldest first, that ends (`backwards`) or begins (`forward`) with the message at `anchor`. */
  async getMessages(pageSize = 30, anchor = "end", direction = "backwards") {
    const at = anchor === "end" ? null : anchor;
    return direction === "forward" ? this.#messagesFrom(at, pageSize) : this.#messagesUpTo(at, pageSize);
  }

  /** Send a message; resolves with its index. Messages get their indexes in the order of the calls. */
  async sendMessage(body, attributes) {
    if (isMedia(body)) return this.sendMedia(body, { attributes });
    return this.#send({ body, attributes: checkedAttributes(attributes) });
  }

  /**
   * Upload one file or several and send them as one message; resolves with its index. The message gets its index when all
   * files are uploaded. An abort stops the upload; it has no effect on a message that is being sent already.
   */
  async sendMedia(files, { body, attributes, onProgress, signal } = {}) {
    const members = { body, attributes: checkedAttributes(attributes) };
    const sids = await this._session.files.upload(filesIn(files), { onProgress, signal });
    signal?.throwIfAborted();
    return this.#send(sids.length === 1 ? { ...members, media_sid: sids[0] } : { ...members, media_sids: sids });
  }

  async #send(members) {
    this.#quietUntil = 0;
    // The server handles frames in parallel. A "typing" that overtook the message would show until its time-out.
    const typingSaid = this.#saysTyping && this._session.atMost(LONGEST_WAIT_FOR_TYPING, this.#saysTyping);
    const before = typingSaid ? Promise.all([this.#lastSending, typingSaid]) : this.#lastSending;
    const sending = before.then(() => this.#request("sendMessage", members, "once"));
    this.#lastSending = sending.catch(() => {});
    return this._message(await sending).index;
  }

  /** Tell the others that the user is typing. Call it at each key: the client sends only as many requests as needed. */
  async typing() {
    if (this._session.now() < this.#quietUntil) return;
    this.#quietUntil = Infinity;
    const saying = this.#request("typing", {}, "read");
    this.#saysTyping = saying;
    try {
      const { typing_timeout: seconds } = await saying;
      if (this.#quietUntil === Infinity) this.#quietUntil = this._session.now() + seconds * 1000;
    } catch (error) {
      this.#quietUntil = 0;
      throw error;
    } finally {
      if (this.#saysTyping === saying) this.#saysTyping = null;
    }
  }

  /** Mark messages as consumed up to an index, never back; resolves with the number of unconsumed messages. */
  async advanceLastConsumedMessageIndex(index) {
    return this._consumed(await this.#request("advanceLastConsumedMessageIndex", { index }, "read"));
  }

  async updateLastConsumedMessageIndex(index) {
    return this._consumed(await this.#request("updateLastConsumedMessageIndex", { index }));
  }

  async setAllMessagesConsumed() {
    return this._consumed(await this.#request("setAllMessagesConsumed"));
  }

  async setNoMessagesConsumed() {
    return this._consumed(await this.#request("setNoMessagesConsumed"));
  }

  async setUserNotificationLevel(notificationLevel) {
    const members = { notification_level: notificationLevel };
    this._consumed(await this.#request("setNotificationLevel", members));
  }

  async updateAttributes(attributes) {
    return this.#update({ attributes: checkedAttributes(attributes) });
  }

  async updateFriendlyName(friendlyName) {
    return this.#update({ friendly_name: friendlyName });
  }

  async updateUniqueName(uniqueName) {
    return this.#update({ unique_name: uniqueName });
  }

  async delete() {
    await this.#request("deleteChannel");
    this._session.removed(this);
    return this;
  }

  #request(action, members = {}, kind = "write") {
    return this._session.request(action, { channel: this.sid, ...members }, kind);
  }

  async #join(action, attributes) {
    const member = await this.#request(action, { attributes: checkedAttributes(attributes) });
    this._session.joined(this, member.seq);
    return this;
  }

  async #update(members) {
    return this._apply(await this.#request("updateChannel", members));
  }

  async #messagesUpTo(anchor, pageSize) {
    const { messages, next } = await this.#messages("desc", anchor, pageSize);
    const items = messages.reverse();
    const last = items.at(-1)?.index ?? anchor;
    const isInside = anchor !== null && anchor < this.#highestIndex;
    return new Paginator(
      items,
      isInside ? () => this.#messagesFrom(last + 1, pageSize) : null,
      next === null ? null : () => this.#messagesUpTo(next, pageSize),
    );
  }

  async #messagesFrom(anchor, pageSize) {
    const { messages: items, next } = await this.#messages("asc", anchor, pageSize);
    const first = items[0]?.index ?? anchor ?? 0;
    return new Paginator(
      items,
      next === null ? null : () => this.#messagesFrom(next, pageSize),
      first > 0 ? () => this.#messagesUpTo(first - 1, pageSize) : null,
    );
  }

  async #messages(order, anchor, pageSize) {
    const members = { order, page_size: pageSize, anchor: anchor ?? undefined };
    const { messages, next_anchor: next } = await this.#request("listMessages", members, "read");
    const present = messages.filter((view) => !this._isRemoved(view));
    return { messages: present.map((view) => this._message(view)), next: next ?? null };
  }

  async _fetch() {
    const view = await this.#request("fetchChannel", {}, "read");
    this._apply(view);
    return view;
  }

  _apply(view) {
    const shown = super._apply(view);
    const index = view.last_message_index;
    if (typeof index === "number" && index > (this._lastMessage?.index ?? -1)) {
      this._lastMessage = { index, dateCreated: null };
      this.#highestIndex = Math.max(this.#highestIndex, index);
    }
    return shown;
  }

  _consumed(userChannel) {
    this._userChannel = { ...this._userChannel, ...userChannel };
    return this._userChannel.unread_messages_count ?? null;
  }

  /** The object for a message of this channel, updated to this view unless it shows a newer one. */
  _message(view) {
    this.#highestIndex = Math.max(this.#highestIndex, view.index);
    return this._known(this._messages, view.sid, () => new Message(this._session, this))._apply(view);
  }

  _member(view) {
    return this._known(this._members, addressOf(view), () => new Member(this._session, this))._apply(view);
  }

  _known(objects, key, make) {
    const object = objects.get(key) ?? make();
    objects.set(key, object);
    return object;
  }

  /** Whether the record was removed after this view of it was made: a list may be older than the last pushes. */
  _isRemoved(view) {
    return (this._removed.get(view.sid) ?? -1) > (view.seq ?? Infinity);
  }

  /** This message was removed; returns whether it was the last one, so that `lastMessage` has changed. */
  _lostMessage(message, lastMessageIndex) {
    if (message.index !== this._lastMessage?.index) return false;
    const before = this._messages.values().find(({ index }) => index === lastMessageIndex);
    const dateCreated = before?.dateCreated ?? null;
    this._lastMessage = lastMessageIndex === null ? null : { index: lastMessageIndex, dateCreated };
    return true;
  }

  /** This message was added. Returns whether that changes what `lastMessage` shows. */
  _sawMessage(message) {
    if (message.index < (this._lastMessage?.index ?? -1)) return false;
    // The channel's record may have shown the index of this message already, but not its date.
    const isNews = message.index !== this._lastMessage?.index || this._lastMessage.dateCreated === null;
    this._lastMessage = { index: message.index, dateCreated: message.dateCreated };
    return isNews;
  }
}
