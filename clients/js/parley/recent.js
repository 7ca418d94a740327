/** A map that keeps only the entries that were set last. */
export class Recent {
  #entries = new Map();
  #most;

  constructor(most) {
    this.#most = most;
  }

  get(key) {
    return this.#entries.get(key);
  }

  set(key, value) {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#most) this.#entries.delete(this.#entries.keys().next().value);
  }

  delete(key) {
    this.#entries.delete(key);
  }

  clear() {
    this.#entries.clear();
  }

  values() {
    return [...this.#entries.values()];
  }
}
