import { Live, checkedAttributes } from "./live.js";
import { Media } from "./media.js";

/** A message. After its removal, it shows the last known values, at least `sid` and `index`. */
export class Message extends Live {
  constructor(session, channel) {
    super(session);
    Object.defineProperty(this, "channel", { value: channel, enumerable: true });
  }

  get index() {
    return this._view.index;
  }

  get author() {
    return this._view.from ?? null;
  }

  get body() {
    return this._view.body ?? null;
  }

  get type() {
    return this._view.type ?? "text";
  }

  /** The first file; null if there is none. */
  get media() {
    return this.attachedMedia[0] ?? null;
  }

  /** All files, in order. */
  get attachedMedia() {
    const views = this._view.medias ?? [this._view.media ?? []].flat();
    return views.map((view) => new Media(this._session.files, view));
  }

  get timestamp() {
    return this.dateCreated;
  }

  get lastUpdatedBy() {
    return this._view.last_updated_by ?? null;
  }

  async updateBody(body) {
    return this.#update({ body });
  }

  async updateAttributes(attributes) {
    return this.#update({ attributes: checkedAttributes(attributes) });
  }

  async remove() {
    await this._session.request("deleteMessage", { channel: this.channel.sid, message: this.sid });
    return this;
  }

  /** The author, as a member of the channel. */
  async getMember() {
    return this.channel.getMemberByIdentity(this.author);
  }

  async #update(members) {
    const address = { channel: this.channel.sid, message: this.sid };
    return this._apply(await this._session.request("updateMessage", { ...address, ...members }));
  }
}
