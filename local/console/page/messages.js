// The list of messages: days, authors, bubbles, read marks, and the keys that go through it.

import { attachment, sizeText } from './attachments.js';
import { avatar, guarded, h, iconButton, keep, textButton, tone } from './dom.js';
import { linked } from './links.js';
import { outcome } from './outbox.js';

const GROUP_MILLISECONDS = 5 * 60 * 1000;
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

function dayName(date) {
  const midnight = (when) => new Date(when.getFullYear(), when.getMonth(), when.getDate()).getTime();
  const days = Math.round((midnight(date) - midnight(new Date())) / 86_400_000);
  if (days !== 0 && days !== -1) return calendar.format(date);
  const word = relative.format(days, 'day');
  return word[0].toUpperCase() + word.slice(1);
}

/** The names of those who have read up to a message, by its index. A member's own message needs no mark of that member. */
export function readers(messages, members, self) {
  const found = new Map();
  for (const { name, horizon } of members) {
    if (name === self || horizon === null || horizon === undefined) continue;
    const last = messages.findLast(({ index }) => index <= horizon);
    if (last && last.author !== name) found.set(last.index, [...(found.get(last.index) ?? []), name]);
  }
  return found;
}

export class MessageList {
  /**
   * `on` is told `edit(message)`, `remove(message)`, `attributes(message)`, `retry(pending)`, `discard(pending)` and
   * `leave()`, and is asked `mayEdit(message)`, `mayDelete(message)` and `maySend()`.
   */
  constructor(identity, on) {
    this.identity = identity;
    this.on = on;
    this.messages = [];
    this.rows = new Map();
    this.shownFiles = new Map(); // by SID
    this.current = null;
    this.newest = null;
    this.element = h('ol', { class: 'messages', role: 'list', 'aria-label': 'Messages' });
    this.element.addEventListener('keydown', (event) => this.#onKey(event));
    this.element.addEventListener('focusin', (event) => this.#onFocus(event));
  }

  /** Show messages in order, then pending ones, with read marks. A row that stays keeps its element. */
  show({ messages, pending, members, firstUnread, hasOlder }) {
    this.messages = messages;
    const marks = readers(messages, members, this.identity);
    const nodes = hasOlder ? [this.#line('more', 'more', 'Loading earlier messages …')] : [];
    let before = null;
    for (const message of messages) {
      const day = message.dateCreated.toDateString();
      const isNewDay = before?.dateCreated.toDateString() !== day;
      const isFirstUnread = message.index === firstUnread;
      if (isNewDay) nodes.push(this.#line(`${day} before ${message.index}`, 'day', dayName(message.dateCreated)));
      if (isFirstUnread) nodes.push(this.#line('unread', 'unread', 'New'));
      const follows =
        !isNewDay &&
        !isFirstUnread &&
        !marks.has(before.index) &&
        before.author === message.author &&
        message.dateCreated - before.dateCreated < GROUP_MILLISECONDS;
      nodes.push(this.#row(message, follows));
      if (marks.has(message.index)) nodes.push(this.#readRow(message, marks.get(message.index)));
      before = message;
    }
    nodes.push(...pending.map((one) => this.#pendingRow(one)));
    if (nodes.length === 0) nodes.push(this.#line('empty', 'nothing', 'No messages yet. Say hello.'));
    keep(this.element, nodes);
    this.#keepCurrent();
  }

  /** Show only pending messages, because the others could not be read, and the reason if it is known. */
  fail(text, pending) {
    const reason = text ? [h('li', { class: 'nothing' }, text)] : [];
    keep(this.element, [...reason, ...pending.map((one) => this.#pendingRow(one))]);
  }

  /** Mark the message that is being edited; null: none is. */
  mark(message) {
    for (const row of this.element.children)
      row.classList.toggle('being-edited', message !== null && row.dataset.index === String(message.index));
  }

  // Rows.

  #cached(key, make) {
    if (!this.rows.has(key)) this.rows.set(key, make());
    return this.rows.get(key);
  }

  #line(key, look, text) {
    return this.#cached(key, () => h('li', { class: look }, h('span', {}, text)));
  }

  #readRow(message, names) {
    const words = `Read by ${names.join(', ')}`;
    const row = this.#cached(words, () =>
      h(
        'li',
        { class: 'read', title: words },
        names.map((name) => avatar(name, null, 'tiny')),
        h('span', { class: 'hidden' }, words),
      ),
    );
    row.dataset.after = String(message.index);
    row.dataset.side = message.author === this.identity ? 'own' : 'other';
    return row;
  }

  #row(message, follows) {
    const row = this.#cached(message.index, () =>
      h('li', { class: 'message', tabindex: '-1', data: { index: String(message.index) } }),
    );
    const isEdited = message.lastUpdatedBy !== null && message.lastUpdatedBy !== undefined;
    const [mayEdit, mayDelete] = [this.on.mayEdit(message), this.on.mayDelete(message)];
    const { body, author, attachedMedia } = message;
    const sids = attachedMedia.map(({ sid }) => sid);
    const state = JSON.stringify([body, author, isEdited, follows, sids, mayEdit, mayDelete]);
    if (row.dataset.state !== state) {
      row.dataset.state = state;
      row.dataset.side = message.author === this.identity ? 'own' : 'other';
      row.dataset.tone = tone(message.author);
      row.classList.toggle('follows', follows);
      keep(row, this.#content(message, { follows, isEdited, mayEdit, mayDelete }));
    }
    return row;
  }

  #content(message, { follows, isEdited, mayEdit, mayDelete }) {
    const own = message.author === this.identity;
    const date = message.dateCreated;
    const stamp = h('time', { datetime: date.toISOString(), title: full.format(date) }, clock.format(date));
    const meta = h('span', { class: 'meta' }, isEdited && h('span', { class: 'edited' }, 'edited'), stamp);
    const files = message.attachedMedia.map((media) => this.#file(media));
    const actions = [
      mayEdit && iconButton('edit', 'Edit message', () => this.on.edit(message), { tabindex: '-1' }),
      mayDelete &&
        iconButton(
          'trash',
          'Delete message',
          guarded(() => this.on.remove(message)),
          { tabindex: '-1' },
        ),
      iconButton(
        'braces',
        'Attributes of the message',
        guarded(() => this.on.attributes(message)),
        { tabindex: '-1' },
      ),
    ].filter(Boolean);
    const line = h(
      'div',
      { class: 'line' },
      h(
        'div',
        { class: 'bubble', dir: 'auto' },
        files.length > 0 && h('div', { class: 'files', dir: 'ltr' }, files),
        message.body !== null && h('span', { class: 'text' }, linked(message.body)),
        meta,
      ),
      h('div', { class: 'actions' }, actions),
    );
    const author = h('span', { class: own || follows ? 'hidden' : 'author' }, own ? 'You' : message.author);
    const stack = h('div', { class: 'stack' }, author, line);
    if (own) return [stack];
    return [follows ? h('span', { class: 'avatar-space' }) : avatar(message.author), stack];
  }

  /** The element of a file, which stays when its row is made again: a film goes on, and a picture is not fetched again. */
  #file(media) {
    if (!this.shownFiles.has(media.sid)) this.shownFiles.set(media.sid, h('div', {}, attachment(media)));
    return this.shownFiles.get(media.sid);
  }

  #pendingRow(pending) {
    const failed = pending.error !== undefined;
    const isUploading = !failed && pending.files.length > 0 && pending.requests.size === 0;
    const row = this.#cached(pending, () =>
      h('li', { class: 'message pending', data: { side: 'own', tone: tone(this.identity) } }),
    );
    const words = failed ? `${outcome(pending)} ` : isUploading ? 'Uploading …' : 'Sending …';
    const mayRetry = failed && this.on.maySend();
    const shown = JSON.stringify([words, mayRetry]);
    if (row.dataset.state === shown) return row;
    row.dataset.state = shown;
    const state = h(
      'p',
      { class: failed ? 'failed' : 'sending' },
      words,
      isUploading && this.#meter(pending),
      isUploading && textButton('Cancel', () => this.on.discard(pending), { look: 'link' }),
      mayRetry && textButton('Try again', () => this.on.retry(pending), { look: 'link' }),
      failed && textButton('Discard', () => this.on.discard(pending), { look: 'link' }),
    );
    const names = pending.files.map(({ name, size }) => h('p', { class: 'file-caption', dir: 'ltr' }, `${name} · ${sizeText(size)}`));
    const bubble = h('div', { class: 'bubble', dir: 'auto' }, names, pending.body && h('span', { class: 'text' }, pending.body));
    keep(row, [h('div', { class: 'stack' }, h('div', { class: 'line' }, bubble), state)]);
    return row;
  }

  /** How far an upload is. */
  #meter(pending) {
    const meter = h('progress', { max: '1', 'aria-label': 'Upload' });
    pending.tell = () => (meter.value = pending.progress);
    pending.tell();
    return meter;
  }

  // Keys: Tab reaches one message, and arrows go to its neighbours. It is the newest message until somebody moves. If a
  // newer message comes while the focus is elsewhere, it is the newest again.

  #keepCurrent() {
    const newest = this.messages.at(-1)?.index ?? null;
    const isKept = newest === this.newest || this.element.contains(document.activeElement);
    if (!isKept || !this.messages.some(({ index }) => index === this.current)) this.current = newest;
    this.newest = newest;
    for (const { index } of this.messages) {
      const row = this.rows.get(index);
      const tab = index === this.current ? '0' : '-1';
      for (const stop of [row, ...row.querySelectorAll('.actions button, .text a, .files :is(button, video, audio)')]) {
        if (stop.getAttribute('tabindex') !== tab) stop.setAttribute('tabindex', tab);
      }
    }
  }

  /** Go to the message with this index, and make it stand out until the focus leaves it. */
  reveal(index) {
    const row = this.rows.get(index);
    if (!row?.isConnected) return;
    row.scrollIntoView({ block: 'center' });
    row.focus({ preventScroll: true });
    row.classList.add('sought');
    row.addEventListener('focusout', () => row.classList.remove('sought'), { once: true });
  }

  /** Go to the message that Tab reaches; returns whether there is one. */
  focus() {
    const row = this.rows.get(this.current);
    if (!row?.isConnected) return false;
    row.focus();
    return true;
  }

  #onFocus(event) {
    const index = event.target.closest('.message')?.dataset.index;
    if (index === undefined || Number(index) === this.current) return;
    this.current = Number(index);
    this.#keepCurrent();
  }

  #onKey(event) {
    const at = this.messages.findIndex(({ index }) => index === this.current);
    const message = this.messages[at];
    if (!message || event.ctrlKey || event.metaKey || event.altKey) return;
    // In a film, arrows seek.
    if (event.target.closest('video, audio') && event.key !== 'Escape') return;
    const last = this.messages.length - 1;
    const moves = { ArrowUp: Math.max(0, at - 1), ArrowDown: Math.min(last, at + 1), Home: 0, End: last };
    if (event.key in moves) {
      event.preventDefault();
      this.rows.get(this.messages[moves[event.key]].index).focus();
    } else if (event.key === 'Escape') {
      this.on.leave();
    } else if (event.target.closest('button, a') && ['Enter', ' '].includes(event.key)) {
      return; // The key is for the button or the link.
    } else if (event.key.toLowerCase() === 'e' && this.on.mayEdit(message)) {
      event.preventDefault();
      this.on.edit(message);
    } else if (event.key.toLowerCase() === 'a') {
      event.preventDefault();
      guarded(() => this.on.attributes(message))();
    } else if (['Delete', 'Backspace'].includes(event.key) && this.on.mayDelete(message)) {
      event.preventDefault();
      guarded(() => this.on.remove(message))();
    }
  }
}
