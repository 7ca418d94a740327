// The webhooks of the chosen service that the local runtime's inbox has received.

import { guarded, h, iconButton, textButton, toast, keep } from './dom.js';
import { arrowKeys, unfold } from './journal.js';
import { POST_EVENTS } from './names.js';
import { basic } from './rest.js';

const POLL_MILLISECONDS = 2000;
const KEPT = 200;
const time = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});

export class Webhooks {
  constructor(session, rest) {
    this.session = session;
    this.rest = rest;
    this.service = null;
    this.entries = [];
    this.last = 0;
    this.rows = new Map();
    this.visible = false;
    this.element = this.#build();
    document.addEventListener('visibilitychange', () => this.#schedule());
  }

  /** Show the webhooks of a service, or of none. */
  choose(service) {
    const moved = service?.sid !== this.service?.sid;
    this.service = service;
    if (moved) {
      this.last = 0;
      this.#clear();
    }
    this.#showState();
    this.#schedule();
  }

  /** Ask the inbox only while somebody is looking. */
  show(visible) {
    this.visible = visible;
    this.#schedule();
  }

  get #inbox() {
    return this.service && this.session.inboxUrl(this.service.sid);
  }

  #build() {
    this.state = h('p', { class: 'hint' });
    this.receive = textButton(
      'Receive webhooks here',
      guarded(() => this.#receive()),
      { look: 'primary' },
    );
    this.stop = textButton(
      'Stop',
      guarded(() => this.#point('')),
      {},
    );
    this.list = h('ol', { class: 'journal', 'aria-label': 'Received webhooks, newest first', tabindex: '0' });
    arrowKeys(this.list);
    this.empty = h('li', { class: 'nothing' }, 'None yet. Send a message, and the webhook about it arrives here.');
    const clear = iconButton('trash', 'Clear the list', () => this.#clear());
    return h(
      'div',
      { class: 'tool-body' },
      h('div', { class: 'tools' }, this.receive, this.stop, this.state, h('span', { class: 'space' }), clear),
      this.list,
    );
  }

  #showState() {
    const url = this.service?.post_webhook_url;
    const here = this.#inbox;
    this.receive.hidden = !here || url === here;
    this.stop.hidden = !here || url !== here;
    if (!this.service) this.state.textContent = 'Choose a service first.';
    else if (!here)
      this.state.textContent = 'Only the local runtime has an inbox for webhooks. Yours go to your own server.';
    else if (url === here) this.state.textContent = 'Post-event webhooks of this service arrive here, signed.';
    else if (url) this.state.textContent = `Webhooks of this service go to ${url} now.`;
    else this.state.textContent = 'This service sends no webhooks yet.';
    this.#showList();
  }

  async #receive() {
    await this.#point(this.#inbox);
    toast('Webhooks of this service arrive here within ten seconds.');
  }

  async #point(url) {
    const fields = url
      ? { PostWebhookUrl: url, WebhookMethod: 'POST', WebhookFilters: POST_EVENTS }
      : { PostWebhookUrl: '' };
    const updated = await this.rest.post(`/chat/v2/Services/${this.service.sid}`, fields);
    Object.assign(this.service, updated);
    this.#showState();
    this.#schedule();
  }

  #schedule() {
    clearTimeout(this.timer);
    if (!this.visible || document.hidden || !this.#inbox) return;
    this.timer = setTimeout(() => this.#poll(), this.entries.length ? POLL_MILLISECONDS : 200);
  }

  async #poll() {
    clearTimeout(this.timer);
    const inbox = this.#inbox;
    const { account, token } = this.session.values;
    try {
      const answer = await fetch(`${inbox}?after=${this.last}`, { headers: { Authorization: basic(account, token) } });
      if (answer.ok && inbox === this.#inbox) this.#take((await answer.json()).webhooks);
    } catch {
      // The runtime may be restarting; the next request shows what it has.
    }
    clearTimeout(this.timer);
    if (this.visible && !document.hidden && this.#inbox) this.timer = setTimeout(() => this.#poll(), POLL_MILLISECONDS);
  }

  #take(webhooks) {
    if (webhooks.length === 0) return;
    this.last = webhooks.at(-1).n;
    this.entries = [...webhooks.reverse(), ...this.entries].slice(0, KEPT);
    this.#showList();
  }

  #clear() {
    this.entries = [];
    this.rows.clear();
    this.#showList();
  }

  #showList() {
    keep(this.list, this.entries.length ? this.entries.map((entry) => this.#row(entry)) : [this.empty]);
  }

  #row(entry) {
    let row = this.rows.get(entry.n);
    if (!row) {
      const { form } = entry;
      const words = { valid: 'signature valid', invalid: 'signature invalid', missing: 'not signed' };
      const who = form.ClientIdentity ?? form.Source ?? '';
      const about = form.Body ?? form.FriendlyName ?? form.Identity ?? form.ChannelSid ?? '';
      const details = h(
        'details',
        { on: { toggle: () => unfold(details, form) } },
        h(
          'summary',
          { tabindex: '-1' },
          h('time', { datetime: entry.received_at }, time.format(new Date(entry.received_at))),
          h('span', { class: 'who', title: who }, who),
          h('span', { class: 'name', data: { kind: 'webhook' } }, form.EventType ?? 'webhook'),
          h('span', { class: 'badge', data: { signature: entry.signature } }, words[entry.signature]),
          h('span', { class: 'brief' }, about),
        ),
      );
      row = h('li', {}, details);
      this.rows.set(entry.n, row);
    }
    return row;
  }
}
