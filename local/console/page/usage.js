// What happens each second: what the service counts, as far as this deployment tells it, and what this page does.

import { explain, h, keep } from './dom.js';
import { basic } from './rest.js';

const SECOND = 1000;
const SHOWN_SECONDS = 60;
const WIDTH = 120;
const HEIGHT = 24;
const ELSEWHERE =
  'Only the local runtime tells a browser what the service counts. A deployed stack counts in CloudWatch, in the namespace Parley/<stack>.';
const NO_TOKEN = 'The service tells its counts only to a page that was opened with the auth token.';

const sumOf = (counts, metrics, service = null) =>
  counts
    .filter((one) => metrics.includes(one.metric) && (service === null || one.service === service))
    .reduce((sum, one) => sum + one.sum, 0);

/** The figures of the service: a label, and how to read the total from its counts. */
const OF_THE_SERVICE = [
  ['Messages', (counts) => sumOf(counts, ['Messages'])],
  ['REST requests', (counts) => sumOf(counts, ['Requests'], 'rest_api')],
  ['Frames from clients', (counts) => sumOf(counts, ['Requests'], 'ws_message')],
  ['Sockets opened', (counts) => sumOf(counts, ['Requests'], 'ws_connect')],
  ['Pushes to sockets', (counts) => sumOf(counts, ['Pushes'])],
  ['Webhooks delivered', (counts) => sumOf(counts, ['WebhookDelivered'])],
  ['Webhook attempts that failed', (counts) => sumOf(counts, ['WebhookRejected', 'WebhookFailed', 'WebhookUnreachable'])],
  ['Push notifications', (counts) => sumOf(counts, ['Notifications'])],
  ['Texts to phones', (counts) => sumOf(counts, ['Texts'])],
  ['Cost of texts in US cents', (counts) => sumOf(counts, ['TextsCost']) / 10_000],
  ['Requests refused', (counts) => sumOf(counts, ['RequestErrors'])],
  ['Server errors', (counts) => sumOf(counts, ['ServerErrors'])],
];
const OF_THE_PAGE = [
  ['REST requests', ({ rest }) => rest],
  ['Frames sent', ({ sent }) => sent],
  ['Frames received', ({ received }) => received],
  ['Events of the clients', ({ event }) => event],
];

const amount = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

/** One figure: its total, its rate in the last second, and a line of the rates in the last minute. */
class Figure {
  constructor(label, read) {
    this.read = read;
    this.rates = [];
    this.last = null;
    this.now = h('td', { class: 'now' }, '–');
    this.total = h('td', { class: 'total' }, '–');
    this.line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
    this.line.setAttribute('points', '');
    const drawing = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    drawing.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    drawing.setAttribute('class', 'rates');
    drawing.setAttribute('aria-hidden', 'true');
    drawing.append(this.line);
    this.row = h('tr', {}, h('th', { scope: 'row' }, label), this.now, h('td', { class: 'minute' }, drawing), this.total);
  }

  /** Begin anew: the next total says nothing about the time before it. */
  restart() {
    this.last = null;
    this.rates = [];
  }

  take(source, seconds) {
    const total = this.read(source);
    if (this.last !== null && seconds > 0) {
      this.rates = [...this.rates, (total - this.last) / seconds].slice(-SHOWN_SECONDS);
      this.now.textContent = amount.format(this.rates.at(-1));
    }
    this.last = total;
    this.total.textContent = amount.format(total);
    this.#draw();
  }

  #draw() {
    const most = Math.max(1, ...this.rates);
    const from = SHOWN_SECONDS - this.rates.length;
    const x = (at) => ((from + at) * WIDTH) / (SHOWN_SECONDS - 1);
    const y = (rate) => HEIGHT - 2 - (rate / most) * (HEIGHT - 4);
    this.line.setAttribute('points', this.rates.map((rate, at) => `${x(at).toFixed(1)},${y(rate).toFixed(1)}`).join(' '));
  }
}

/** A table of figures, all read from one source. */
class Table {
  constructor(caption, rows) {
    this.figures = rows.map(([label, read]) => new Figure(label, read));
    this.began = null;
    this.at = null;
    const heads = ['', 'Per second', 'Last minute', 'Total'];
    this.element = h(
      'table',
      { class: 'usage' },
      h('caption', {}, caption),
      h('thead', {}, h('tr', {}, heads.map((text) => (text ? h('th', { scope: 'col' }, text) : h('td', {}))))),
      h(
        'tbody',
        {},
        this.figures.map(({ row }) => row),
      ),
    );
  }

  /** Take the totals of one moment, in milliseconds. `began` says since when they were counted. */
  take(source, at, began) {
    // After a break, the difference is no rate of a second any more.
    const isNew = this.began !== began || this.at === null || at - this.at > 5 * SECOND;
    for (const figure of this.figures) {
      if (isNew) figure.restart();
      figure.take(source, (at - this.at) / SECOND);
    }
    this.began = began;
    this.at = at;
  }
}

export class Usage {
  /** `tally()` returns how many frames, events and requests this page has seen. */
  constructor(session, tally) {
    this.session = session;
    this.tally = tally;
    this.visible = false;
    this.service = new Table('The service', OF_THE_SERVICE);
    this.page = new Table('This page', OF_THE_PAGE);
    this.sockets = h('p', { class: 'hint' });
    this.problem = h('p', { class: 'hint' });
    this.list = h('div', { class: 'usage-tables', tabindex: '0', role: 'group', 'aria-label': 'Counts' });
    this.element = h('div', { class: 'tool-body' }, h('div', { class: 'tools' }, this.sockets, this.problem), this.list);
    document.addEventListener('visibilitychange', () => this.#schedule(0));
  }

  /** Ask only while somebody is looking. */
  show(visible) {
    this.visible = visible;
    this.#schedule(0);
  }

  #schedule(milliseconds) {
    clearTimeout(this.timer);
    if (this.visible && !document.hidden) this.timer = setTimeout(() => this.#look(), milliseconds);
  }

  async #look() {
    const began = performance.now();
    this.page.take(this.tally(), began, 'page');
    const note = await this.#askService();
    this.problem.textContent = note;
    keep(this.list, note === ELSEWHERE || note === NO_TOKEN ? [this.page.element] : [this.service.element, this.page.element]);
    this.#schedule(Math.max(0, SECOND - (performance.now() - began)));
  }

  /** Read what the service counts; returns why that is not possible, or an empty text. */
  async #askService() {
    const { usageUrl, values } = this.session;
    this.sockets.textContent = '';
    if (!usageUrl) return ELSEWHERE;
    if (!values.token) return NO_TOKEN;
    try {
      const headers = { Authorization: basic(values.account, values.token) };
      const answer = await fetch(usageUrl, { headers, cache: 'no-store' });
      const told = await answer.json();
      if (!answer.ok) throw new Error(explain(told));
      this.service.take(told.counts, told.at, told.began);
      this.sockets.textContent = `${told.sockets} open ${told.sockets === 1 ? 'socket' : 'sockets'}`;
      return '';
    } catch (error) {
      return `The counts cannot be read: ${explain(error)}`; // The runtime may be restarting; the next second tries again.
    }
  }
}
