/** A file of a message. Its bytes never change; they go with the message. */
export class Media {
  #files;

  constructor(files, view) {
    this.#files = files;
    this.sid = view.sid;
    this.size = view.size;
    this.contentType = view.content_type;
    this.filename = view.filename ?? null;
    this.category = view.category ?? "media";
    Object.freeze(this);
  }

  /** A URL under which everybody can fetch the file for some minutes, without a token. */
  async getContentTemporaryUrl({ signal } = {}) {
    return this.#files.link(this.sid, signal);
  }

  /** Fetch the bytes from `start` up to, but not including, `end`; by default all. Resolves with a `Response`. */
  async download({ start = 0, end, signal } = {}) {
    return this.#files.download(this.sid, { start, end, signal });
  }
}
