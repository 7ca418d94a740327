import { Emitter } from "./emitter.js";

export const parsedDate = (text) => (text ? new Date(text) : null);

function parsedAttributes(text) {
  try {
    return JSON.parse(text ?? "{}") ?? {};
  } catch {
    return {};
  }
}

export function checkedAttributes(attributes) {
  if (attributes === undefined || attributes === null) return undefined;
  if (typeof attributes !== "object" || Array.isArray(attributes)) throw new TypeError("attributes must be an object");
  return attributes;
}

/** An object that shows a record of the server, always in its newest known version. */
export class Live extends Emitter {
  _view = {};
  _seq = -1;
  _version = -1;

  constructor(session) {
    super();
    Object.defineProperty(this, "_session", { value: session });
  }

  get sid() {
    return this._view.sid;
  }

  get attributes() {
    return this._attributes;
  }

  get dateCreated() {
    return parsedDate(this._view.date_created);
  }

  get dateUpdated() {
    return parsedDate(this._view.date_updated);
  }

  /** Show this view of the record, unless the object shows a newer one. Fields that the view lacks stay unchanged. */
  _apply(view) {
    const seq = view.seq ?? this._seq;
    // A channel's `seq` counts the changes of everything in it; its `version` is the `seq` of its own last change.
    const version = view.version ?? seq;
    if (version < this._version || (version === this._version && seq < this._seq)) return this;
    this._version = version;
    this._seq = Math.max(seq, this._seq);
    const before = this._view.attributes;
    this._view = { ...this._view, ...view };
    if (this._attributes === undefined || this._view.attributes !== before) {
      this._attributes = parsedAttributes(this._view.attributes);
    }
    return this;
  }
}
