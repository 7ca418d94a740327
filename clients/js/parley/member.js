import { Live, checkedAttributes, parsedDate } from "./live.js";

/** The name of a member in requests: the identity, or the SID of a member that has none, such as a phone. */
export const addressOf = (view) => view.identity ?? view.sid;

/** A member of a channel. After leaving, it shows the last known values, at least `sid` and `identity`. */
export class Member extends Live {
  _isTyping = false;

  constructor(session, channel) {
    super(session);
    Object.defineProperty(this, "channel", { value: channel, enumerable: true });
  }

  get identity() {
    return this._view.identity ?? null;
  }

  get _address() {
    return addressOf(this._view);
  }

  get roleSid() {
    return this._view.role_sid ?? null;
  }

  get lastConsumedMessageIndex() {
    return this._view.last_consumed_message_index ?? null;
  }

  get lastConsumptionTimestamp() {
    return parsedDate(this._view.last_consumption_timestamp);
  }

  get isTyping() {
    return this._isTyping;
  }

  async updateAttributes(attributes) {
    const members = { channel: this.channel.sid, identity: this._address, attributes: checkedAttributes(attributes) };
    return this._apply(await this._session.request("updateMember", members));
  }

  async remove() {
    await this.channel.removeMember(this);
  }

  async getUser() {
    if (this.identity === null) throw new Error("A member without an identity has no user.");
    return this._session.follow(this.identity);
  }
}
