/** One page of a list, which can fetch the pages before and after it. */
export class Paginator {
  #next;
  #previous;

  constructor(items, next = null, previous = null) {
    this.items = items;
    this.#next = next;
    this.#previous = previous;
  }

  get hasNextPage() {
    return this.#next !== null;
  }

  get hasPrevPage() {
    return this.#previous !== null;
  }

  async nextPage() {
    if (this.#next === null) throw new RangeError("there is no next page: check hasNextPage first");
    return this.#next();
  }

  async prevPage() {
    if (this.#previous === null) throw new RangeError("there is no previous page: check hasPrevPage first");
    return this.#previous();
  }
}
