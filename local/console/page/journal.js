// The live log: the events of each person's client, the frames on its socket, and the page's own REST requests.

import { h, iconButton, textButton, keep } from './dom.js';

/** The events of a client that the log shows. */
export const LOGGED = [
  'connectionStateChanged',
  'connectionError',
  'channelAdded',
  'channelInvited',
  'channelJoined',
  'channelLeft',
  'channelRemoved',
  'channelUpdated',
  'channelRefetched',
  'memberJoined',
  'memberLeft',
  'memberUpdated',
  'messageAdded',
  'messageRemoved',
  'messageUpdated',
  'typingStarted',
  'typingEnded',
  'userUpdated',
  'userSubscribed',
  'userUnsubscribed',
  'tokenAboutToExpire',
  'tokenExpired',
];
const KEPT = 500;
const SHOWN = 200;
const KINDS = [
  ['event', 'Events'],
  ['frame', 'Frames'],
  ['rest', 'REST'],
];
const time = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hour12: false,
});

/** The first words of a value, for the line that is shown while an entry is folded. */
function brief(detail) {
  if (detail === null) return '';
  const text = typeof detail === 'string' ? detail : (JSON.stringify(detail) ?? '');
  return text.length > 160 ? `${text.slice(0, 159)}…` : text;
}

export class Journal {
  /** `offered` are the kinds of entries that can be chosen, `shown` those that are chosen at first. */
  constructor(shown = ['event', 'rest'], offered = ['event', 'frame', 'rest']) {
    this.offered = offered;
    this.entries = [];
    this.kinds = new Set(shown);
    this.paused = false;
    this.missed = 0;
    this.tally = { event: 0, rest: 0, sent: 0, received: 0 };
    this.rows = new Map();
    this.element = this.#build();
  }

  /** Add an entry: `who` (an identity, or `page`), `kind`, `name`, and `detail`, which can be unfolded as JSON. */
  add(who, kind, name, detail = null, line = brief(detail)) {
    this.tally[kind === 'frame' ? (name.startsWith('→') ? 'sent' : 'received') : kind] += 1;
    this.entries.unshift({ at: new Date(), who, kind, name, detail, line });
    for (const old of this.entries.splice(KEPT)) this.rows.delete(old);
    if (this.paused) {
      this.missed += 1;
      this.#showPause();
    } else {
      this.#scheduleShow();
    }
  }

  #build() {
    this.list = h('ol', { class: 'journal', 'aria-label': 'Events, newest first', tabindex: '0' });
    arrowKeys(this.list);
    this.filter = h('input', {
      type: 'search',
      class: 'filter',
      placeholder: 'Filter',
      'aria-label': 'Filter the log',
      on: { input: () => this.#show() },
    });
    this.pauseButton = textButton('Pause', () => this.#togglePause(), { drawing: 'pause', 'aria-pressed': 'false' });
    const offered = KINDS.filter(([kind]) => this.offered.includes(kind));
    const kinds = offered.map(([kind, label]) =>
      h(
        'label',
        { class: 'chip' },
        h('input', {
          type: 'checkbox',
          checked: this.kinds.has(kind),
          data: { kind },
          on: { change: (event) => this.#choose(kind, event) },
        }),
        h('span', {}, label),
      ),
    );
    const clear = iconButton('trash', 'Clear the log', () => {
      this.entries = [];
      this.missed = 0;
      this.rows.clear();
      this.#show();
    });
    const tools = h(
      'div',
      { class: 'tools' },
      this.filter,
      h('div', { class: 'chips', role: 'group', 'aria-label': 'Show' }, kinds),
      h('span', { class: 'space' }),
      this.pauseButton,
      clear,
    );
    return h('div', { class: 'tool-body' }, tools, this.list);
  }

  #choose(kind, event) {
    if (event.target.checked) this.kinds.add(kind);
    else this.kinds.delete(kind);
    this.#show();
  }

  #togglePause() {
    this.paused = !this.paused;
    this.missed = 0;
    this.#showPause();
    this.#show();
  }

  #showPause() {
    this.pauseButton.setAttribute('aria-pressed', String(this.paused));
    const text = this.paused ? `Resume${this.missed ? ` (${this.missed} new)` : ''}` : 'Pause';
    this.pauseButton.querySelector('span').textContent = text;
  }

  #scheduleShow() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      if (!this.paused) this.#show();
    });
  }

  #show() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (entry) => {
      if (!this.kinds.has(entry.kind)) return false;
      if (words.length === 0) return true;
      entry.text ??= `${entry.who} ${entry.name} ${JSON.stringify(entry.detail)}`.toLowerCase();
      return words.every((word) => entry.text.includes(word));
    };
    const found = this.entries.filter(matches).slice(0, SHOWN);
    this.empty ??= h('li', { class: 'nothing' }, 'Nothing yet. What happens in the chat shows up here.');
    keep(this.list, found.length ? found.map((entry) => this.#row(entry)) : [this.empty]);
  }

  #row(entry) {
    let row = this.rows.get(entry);
    if (!row) {
      const details = h(
        'details',
        { on: { toggle: () => unfold(details, entry.detail) } },
        h(
          'summary',
          { tabindex: '-1' },
          h('time', {}, time.format(entry.at)),
          h('span', { class: 'who', title: entry.who }, entry.who),
          h('span', { class: 'name', data: { kind: entry.kind } }, entry.name),
          h('span', { class: 'brief' }, entry.line),
        ),
      );
      row = h('li', {}, details);
      this.rows.set(entry, row);
    }
    return row;
  }
}

/** Let arrow keys go through the rows of a list, because hundreds of rows would be hundreds of presses of Tab. */
export function arrowKeys(list) {
  list.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target.closest('pre')) return;
    event.preventDefault();
    const rows = [...list.querySelectorAll('summary')];
    const at = rows.indexOf(document.activeElement);
    const next = at + step;
    (rows[next] ?? (next < 0 ? list : null))?.focus();
  });
}

/** Fill a `details` with the value as JSON when it is opened for the first time. Most never are. */
export function unfold(details, value) {
  if (!details.open || details.querySelector('pre')) return;
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  details.append(h('pre', { tabindex: '0' }, text));
}

/** An event's payload in a few words. */
export function summary(payload) {
  if (payload === null || typeof payload !== 'object') return brief(payload);
  const { message, user, updateReasons } = payload;
  // Twilio's SDK for Conversations has other names.
  const { channel = payload.conversation, member = payload.participant } = payload;
  const about = message ?? member ?? user ?? (updateReasons ? channel : payload);
  const home = about.channel ?? about.conversation ?? {};
  const place = home.friendlyName ?? home.uniqueName;
  const words = [
    about.author ?? about.identity ?? about.friendlyName ?? about.uniqueName ?? about.message,
    place && `in ${place}`,
    about.body && `“${about.body}”`,
    updateReasons && `(${updateReasons.join(', ')})`,
  ];
  return brief(words.filter(Boolean).join(' ') || brief(plain(payload)));
}

/** The own fields of a client's object, without the objects that it refers to. */
export function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return value.toISOString();
  if (value === null || typeof value !== 'object') return value;
  const known = [
    'sid',
    'identity',
    'index',
    'author',
    'body',
    'attributes',
    'uniqueName',
    'friendlyName',
    'type',
    'status',
    'online',
    'notifiable',
    'lastConsumedMessageIndex',
    'notificationLevel',
    'dateCreated',
    'dateUpdated',
    'lastUpdatedBy',
    'lastMessage',
  ];
  const parts = Object.getPrototypeOf(value) === Object.prototype ? Object.keys(value) : known;
  const shown = {};
  for (const name of parts) {
    if (value[name] !== undefined && typeof value[name] !== 'function') shown[name] = plain(value[name]);
  }
  if (!Object.hasOwn(shown, 'channel') && value.channel?.sid) shown.channel = value.channel.sid;
  return shown;
}
