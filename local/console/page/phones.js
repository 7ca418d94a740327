// The phones of a local run: handsets with their texts, and the phones and browsers that notifications reach.

import { explain, guarded, h, keep, textButton } from './dom.js';
import { Handsets } from './handsets.js';
import { arrowKeys, unfold } from './journal.js';
import { basic } from './rest.js';

const POLL_MILLISECONDS = 2000;
const STATES = { on: 'on', offline: 'offline', uninstalled: 'uninstalled' };
const PLATFORMS = { APNS: 'Apple', APNS_SANDBOX: 'Apple (sandbox)', GCM: 'Firebase' };
const NONE = 'No phones yet. A phone appears here with its first text, a registered device with its first notification.';
const ELSEWHERE = 'Only the local runtime has phones of its own.';
const time = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});

export class Phones {
  constructor(session) {
    this.session = session;
    this.visible = false;
    this.cards = new Map();
    this.state = h('p', { class: 'hint' });
    this.list = h('ul', { class: 'journal phones', 'aria-label': 'Phones', tabindex: '0' });
    arrowKeys(this.list);
    this.handsets = new Handsets(session, () => this.#poll());
    const tools = h('div', { class: 'tools' }, this.handsets.form, this.state);
    this.element = h('div', { class: 'tool-body' }, tools, this.list);
    document.addEventListener('visibilitychange', () => this.#schedule(0));
  }

  /** Ask for the phones only while somebody is looking. */
  show(visible) {
    this.visible = visible;
    this.#schedule(0);
  }

  #schedule(milliseconds) {
    clearTimeout(this.timer);
    this.handsets.form.hidden = !this.session.phonesUrl;
    if (!this.session.phonesUrl) this.state.textContent = ELSEWHERE;
    else if (this.visible && !document.hidden) this.timer = setTimeout(() => this.#poll(), milliseconds);
  }

  async #poll() {
    try {
      const handsets = await this.handsets.look();
      const { phones } = await this.#ask();
      for (const phone of phones) await this.#look(phone);
      this.#showList(handsets, phones);
    } catch {
      // The runtime may be restarting; the next request shows what it has.
    }
    this.#schedule(POLL_MILLISECONDS);
  }

  async #ask(path = '', state = null) {
    const { account, token } = this.session.values;
    const headers = { Authorization: basic(account, token) };
    const sent = state && { method: 'POST', body: new URLSearchParams({ State: state }) };
    const answer = await fetch(`${this.session.phonesUrl}${path}`, { headers, ...sent });
    if (!answer.ok) throw new Error(explain(await answer.json().catch(() => answer.statusText)));
    return answer.json();
  }

  /** Fetch what a phone shows, if it has changed. */
  async #look(phone) {
    const written = JSON.stringify(phone);
    if (this.cards.get(phone.id)?.written !== written) this.#showPhone(await this.#ask(`/${phone.id}`), written);
  }

  #showList(handsets, phones) {
    const ids = new Set(phones.map(({ id }) => id));
    for (const id of this.cards.keys()) if (!ids.has(id)) this.cards.delete(id);
    const shown = [...handsets, ...phones.map(({ id }) => this.cards.get(id).element)];
    this.state.textContent = shown.length ? '' : NONE;
    this.state.hidden = shown.length > 0;
    keep(this.list, shown);
  }

  #showPhone(phone, written) {
    let card = this.cards.get(phone.id);
    if (!card) {
      card = { element: h('li', { class: 'phone' }), head: h('div', { class: 'phone-head' }), rows: new Map() };
      card.shown = h('ol', { class: 'shown', 'aria-label': `Notifications on ${nameOf(phone)}, newest first` });
      card.element.append(card.head, card.shown);
      this.cards.set(phone.id, card);
    }
    card.written = written;
    const hadFocus = card.head.contains(document.activeElement);
    card.head.replaceChildren(...this.#head(phone));
    // The button that had the focus is gone; the first of those in its place gets it.
    if (hadFocus) card.head.querySelector('button').focus();
    const shown = phone.shown.map((one) => this.#row(card, one)).reverse();
    keep(card.shown, shown.length ? shown : [h('li', { class: 'nothing' }, waitingWords(phone))]);
  }

  #head(phone) {
    const name = nameOf(phone);
    const turn = (label, state) =>
      textButton(
        label,
        guarded(() => this.#turn(phone.id, state)),
        { 'aria-label': `${label}: ${name}` },
      );
    return [
      h('span', { class: 'who', title: phone.address }, name),
      h('span', { class: 'name' }, PLATFORMS[phone.platform] ?? phone.platform),
      h('span', { class: 'badge', data: { phone: phone.state } }, STATES[phone.state] ?? phone.state),
      phone.badge !== null && h('span', { class: 'app-badge', title: 'The badge on the icon' }, `badge ${phone.badge}`),
      phone.waiting > 0 && h('span', { class: 'hint' }, `${phone.waiting} waiting`),
      !phone.is_enabled && h('span', { class: 'hint' }, 'the push service has given it up'),
      h('span', { class: 'space' }),
      phone.state === 'on' && turn('Go offline', 'offline'),
      phone.state === 'offline' && turn('Go online', 'on'),
      phone.state !== 'uninstalled' && turn('Uninstall', 'uninstalled'),
      phone.state === 'uninstalled' && turn('Install again', 'on'),
    ].filter(Boolean);
  }

  async #turn(id, state) {
    this.#showPhone(await this.#ask(`/${id}`, state), null);
    this.#schedule(0);
  }

  #row(card, notification) {
    let row = card.rows.get(notification.message_id);
    if (!row) {
      const at = new Date(notification.at);
      const details = h(
        'details',
        { on: { toggle: () => unfold(details, notification.payload) } },
        h(
          'summary',
          { tabindex: '-1' },
          h('time', { datetime: at.toISOString() }, time.format(at)),
          notification.title && h('span', { class: 'who' }, notification.title),
          h('span', { class: 'text' }, notification.text ?? 'no text'),
          notification.badge !== null && h('span', { class: 'hint' }, `badge ${notification.badge}`),
          notification.sound && h('span', { class: 'hint' }, `sound ${notification.sound}`),
        ),
      );
      row = h('li', {}, details);
      card.rows.set(notification.message_id, row);
    }
    return row;
  }
}

/** Addresses are long, and their beginnings differ. */
const nameOf = ({ address }) => (address.length > 16 ? `${address.slice(0, 16)}…` : address);

function waitingWords({ state }) {
  if (state === 'uninstalled') return 'The app is uninstalled. The next notification is lost. After that, the push service knows that the app is gone.';
  return state === 'offline' ? 'Notifications wait until it is online.' : 'Nothing yet.';
}
