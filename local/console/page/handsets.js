// Handsets: the phones of a local run that texts and WhatsApp messages reach. Each shows its thread, and writes.

import { explain, guarded, h, keep, textButton, toast } from './dom.js';
import { basic } from './rest.js';

const WHATSAPP = 'whatsapp:';
const ADDRESS = /^(whatsapp:)?\+[1-9][0-9]{6,14}$/;
const STATUSES = {
  waiting: 'waits',
  delivered: 'delivered',
  read: 'read',
  undelivered: 'not delivered',
  expired: 'given up',
};
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });

export class Handsets {
  /** `changed()` is called when there is something new to show; the promise that it returns says that it is shown. */
  constructor(session, changed) {
    this.session = session;
    this.changed = changed;
    this.cards = new Map();
    this.added = new Set();
    this.numbers = [];
    this.pictures = new Map();
    this.form = this.#form();
  }

  /** Look at all handsets; returns their elements, the one that changed last first. */
  async look() {
    const { phones, numbers } = await this.#ask('');
    this.numbers = numbers;
    const known = new Set(phones.map(({ address }) => address));
    for (const address of known) this.added.delete(address);
    const summaries = [...phones, ...[...this.added].map((address) => ({ address, version: -1 }))].reverse();
    for (const summary of summaries) {
      const written = JSON.stringify([summary, numbers]);
      if (this.cards.get(summary.address)?.written !== written) await this.#fetch(summary.address, written);
    }
    return summaries.map(({ address }) => this.cards.get(address).element);
  }

  async #fetch(address, written) {
    this.#show(await this.#ask(encodeURIComponent(address)), written);
  }

  async #ask(path, body = null) {
    const { account, token } = this.session.values;
    const headers = { Authorization: basic(account, token) };
    if (body) headers['Content-Type'] = 'application/json';
    const sent = body && { method: 'POST', body: JSON.stringify(body) };
    const answer = await fetch(`${this.session.handsetsUrl}${path}`, { headers, ...sent });
    if (!answer.ok) throw new Error(explain(await answer.json().catch(() => answer.statusText)));
    return answer.json();
  }

  /** The form that adds a handset. */
  #form() {
    const number = h('input', {
      type: 'tel',
      class: 'filter',
      placeholder: '+491721234567',
      'aria-label': 'Number of a phone',
      required: true,
    });
    const whatsapp = h('input', { type: 'checkbox' });
    const add = guarded(async (event) => {
      event.preventDefault();
      const written = number.value.replace(/[\s()-]/g, '');
      const address = whatsapp.checked && !written.startsWith(WHATSAPP) ? WHATSAPP + written : written;
      if (!ADDRESS.test(address)) throw new Error('A number has a plus and 7 to 15 digits, like +491721234567.');
      this.added.add(address);
      number.value = '';
      await this.#fetch(address, null);
      await this.changed();
      this.cards.get(address).text.focus();
    });
    return h(
      'form',
      { class: 'handset-form', on: { submit: add } },
      number,
      h('label', { class: 'chip' }, whatsapp, h('span', {}, 'WhatsApp')),
      h('button', { class: 'button plain' }, 'Add a phone'),
    );
  }

  #show(phone, written) {
    const card = this.cards.get(phone.address) ?? this.#card(phone);
    card.written = written;
    card.phone = phone;
    const focused = card.head.contains(document.activeElement) && document.activeElement.dataset.act;
    card.head.replaceChildren(...this.#head(phone));
    // The button that had the focus is gone; the one in its place gets it, or the field.
    if (focused) (card.head.querySelector(`[data-act="${focused}"]`) ?? card.text).focus();
    this.#choose(card);
    const atEnd = card.thread.scrollHeight - card.thread.scrollTop - card.thread.clientHeight < 8;
    const rows = phone.messages.map((message) => this.#row(card, message));
    keep(card.thread, rows.length ? rows : [h('li', { class: 'nothing' }, 'Nothing yet.')]);
    if (atEnd) card.thread.scrollTop = card.thread.scrollHeight;
  }

  #card(phone) {
    const name = nameOf(phone);
    const card = { rows: new Map(), head: h('div', { class: 'phone-head' }) };
    card.thread = h('ol', { class: 'handset-thread', 'aria-label': `Messages of ${name}`, tabindex: '0' });
    card.to = h('select', { 'aria-label': `Number that ${name} writes to` });
    const look = { type: 'text', dir: 'auto', placeholder: 'Write as this phone' };
    card.text = h('input', { ...look, 'aria-label': `Text from ${name}` });
    const send = (body) => guarded(() => this.#write(card, body))();
    const submit = (event) => {
      event.preventDefault();
      if (card.text.value.trim()) send(card.text.value);
    };
    const stop = !phone.address.startsWith(WHATSAPP);
    card.element = h(
      'li',
      { class: 'handset', data: { address: phone.address } },
      card.head,
      card.thread,
      h(
        'form',
        { class: 'handset-form', on: { submit } },
        card.to,
        card.text,
        h('button', { class: 'button primary', 'aria-label': `Send from ${name}` }, 'Send'),
        stop && textButton('STOP', () => send('STOP'), { 'aria-label': `Send STOP from ${name}` }),
      ),
    );
    this.cards.set(phone.address, card);
    return card;
  }

  async #write(card, body) {
    if (!card.to.value) throw new Error('The account has no number of this kind.');
    const { address } = card.phone;
    await this.#ask(encodeURIComponent(address), { To: card.to.value, Body: body });
    if (card.text.value === body) card.text.value = '';
    await this.#fetch(address, null);
    await this.changed();
  }

  /** Offer the numbers that the handset can write to; the one that wrote last is chosen at first. */
  #choose(card) {
    const { address, messages, stopped } = card.phone;
    const isWhatsApp = address.startsWith(WHATSAPP);
    const offered = this.numbers.filter((number) => number.startsWith(WHATSAPP) === isWhatsApp);
    const last = messages.findLast(({ direction, to }) => direction === 'in' || typeof to === 'string');
    const chosen = card.to.value || (last && (last.direction === 'in' ? last.from : last.to)) || offered[0];
    const written = JSON.stringify([offered, stopped]);
    if (card.offered === written) return;
    card.offered = written;
    const words = (number) => nameOf({ address: number }) + (stopped.includes(number) ? ' (stopped)' : '');
    card.to.replaceChildren(...offered.map((number) => h('option', { value: number }, words(number))));
    card.to.value = offered.includes(chosen) ? chosen : (offered[0] ?? '');
  }

  #head(phone) {
    const name = nameOf(phone);
    const act = (label, path, body, props = {}) =>
      textButton(
        label,
        guarded(async () => {
          this.#show(await this.#ask(`${encodeURIComponent(phone.address)}/${path}`, body), null);
          await this.changed();
        }),
        { 'aria-label': `${label}: ${name}`, 'data-act': label, ...props },
      );
    const toggle = (label, name_) =>
      act(label, 'switches', { [name_]: !phone[name_] }, { 'aria-pressed': String(phone[name_]) });
    const isWhatsApp = phone.address.startsWith(WHATSAPP);
    return [
      h('span', { class: 'who' }, name),
      h('span', { class: 'name' }, isWhatsApp ? 'WhatsApp' : 'SMS'),
      phone.airplane && h('span', { class: 'badge' }, 'airplane mode'),
      phone.waiting > 0 && h('span', { class: 'hint' }, `${phone.waiting} waiting`),
      phone.unread > 0 && h('span', { class: 'hint' }, `${phone.unread} unread`),
      phone.stopped.length > 0 && h('span', { class: 'badge', data: { phone: 'uninstalled' } }, 'stopped'),
      h('span', { class: 'space' }),
      toggle('Airplane mode', 'airplane'),
      isWhatsApp && toggle('Read receipts', 'receipts'),
      phone.unread > 0 && act('Read', 'read', {}),
    ].filter(Boolean);
  }

  #row(card, message) {
    const key = message.sid + message.direction;
    let row = card.rows.get(key);
    if (!row) {
      const at = new Date(message.at);
      row = h('li', { class: 'text-message', data: { direction: message.direction } });
      row.status = h('span', { class: 'ticks' });
      row.append(
        ...[
          h('span', { class: 'hidden' }, message.direction === 'in' ? `From ${message.from}: ` : 'Written here: '),
          ...(message.media ?? []).map((file) => this.#file(file)),
          message.body && h('p', { dir: 'auto' }, message.body),
          h('small', {}, h('time', { datetime: at.toISOString() }, time.format(at)), ' ', row.status),
        ].filter(Boolean),
      );
      card.rows.set(key, row);
    }
    row.dataset.status = message.status ?? '';
    const words = STATUSES[message.status] ?? '';
    if (row.status.textContent !== words) row.status.textContent = words;
    return row;
  }

  #file({ id, content_type: type }) {
    if (!id) return h('p', {}, 'A file');
    if (!type.startsWith('image/')) return h('p', {}, `A file: ${type}`);
    const image = h('img', { alt: 'A picture' });
    this.#picture(id)
      .then((url) => image.setAttribute('src', url))
      .catch((error) => toast(explain(error), 'error'));
    return image;
  }

  /** A picture as a URL of this page. The runtime gives it to the account's owner only. */
  #picture(id) {
    if (!this.pictures.has(id)) {
      const { account, token } = this.session.values;
      const headers = { Authorization: basic(account, token) };
      const fetched = fetch(`${this.session.handsetsUrl}files/${id}`, { headers }).then(async (answer) => {
        if (!answer.ok) throw new Error('The runtime no longer has a picture.');
        return URL.createObjectURL(await answer.blob());
      });
      this.pictures.set(id, fetched);
    }
    return this.pictures.get(id);
  }
}

const nameOf = ({ address }) => address.replace(WHATSAPP, '');
