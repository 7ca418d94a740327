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
  if (typeof attributes !== "object" || Array.isArray(attributes)) throw new TypeError("attributes are an object");
  return attributes;
}

/** An object whose record lives on the server: of two versions of the record it shows the newer one. */
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

  /** Show a view of the record, unless a newer one is shown. What the view leaves out stays as it is. */
  _apply(view) {
    const seq = view.seq ?? this._seq;
    // The `seq` of a channel counts the changes of everything in it; `version` is the `seq` of its own last change.
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
