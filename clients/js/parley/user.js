import { Live, checkedAttributes } from "./live.js";

/** A user, kept up to date while it is followed. */
export class User extends Live {
  _isFollowed = false;

  get identity() {
    return this._view.identity;
  }

  get friendlyName() {
    return this._view.friendly_name;
  }

  get roleSid() {
    return this._view.role_sid;
  }

  /** Null if the service does not show who is online. */
  get online() {
    return this._view.is_online ?? null;
  }

  get notifiable() {
    return this._view.is_notifiable ?? null;
  }

  get isSubscribed() {
    return this._isFollowed;
  }

  async updateFriendlyName(friendlyName) {
    return this.#update({ friendly_name: friendlyName });
  }

  async updateAttributes(attributes) {
    return this.#update({ attributes: checkedAttributes(attributes) });
  }

  /** Stop following this user. */
  async unsubscribe() {
    await this._session.unfollow(this);
  }

  async #update(members) {
    return this._apply(await this._session.request("updateUser", { identity: this.identity, ...members }));
  }
}
