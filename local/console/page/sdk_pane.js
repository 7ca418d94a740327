// One person who chats through one of Twilio's SDKs: the conversation, and the SDK's events and packets.

import { attachment } from './attachments.js';
import { avatar, explain, guarded, h, iconButton, tone } from './dom.js';
import { socketClass } from './frames.js';
import { Journal, LOGGED, plain, summary } from './journal.js';
import { parley } from './twilio-sdk.js';

const FIRST_MESSAGES = 30;
const PREFIX = 'TWILSOCK ';
/** Names that differ in Conversations. */
const CONVERSATIONS = [
  ['channel', 'conversation'],
  ['Channel', 'Conversation'],
  ['member', 'participant'],
];

/** Scripts are loaded in turn: each bundle takes the same place on the global object. */
let loading = Promise.resolve();

function load(one) {
  loading = loading.then(
    () =>
      new Promise((resolve, reject) => {
        const script = h('script', { src: `sdk/${one.name}.js` });
        script.addEventListener('load', () => resolve(window.Twilio[one.global].Client));
        script.addEventListener('error', () => reject(new Error(`${one.name} cannot be loaded`)));
        document.head.append(script);
      }),
  );
  const loaded = loading;
  loading = loading.catch(() => {});
  return loaded;
}

/** The title of a packet, and the packet as it is shown: access tokens are left out. */
function decoded(text, arrow) {
  if (!text.startsWith(PREFIX)) return [`${arrow} frame`, text];
  const [, head] = text.split('\r\n', 2);
  const header = JSON.parse(head);
  if (header.token) header.token = '(an access token)';
  const rest = text.slice(text.indexOf(head) + head.length + 2);
  const isJson = rest && (header.payload_type ?? 'application/json').startsWith('application/json');
  const payload = isJson ? JSON.parse(rest) : rest;
  const { http_request: request, http_status: status, message_type: kind } = header;
  const about = request ? `${request.method} ${request.path}` : kind ? (payload?.event_type ?? kind) : '';
  const code = status?.code ?? header.status?.code ?? '';
  return [`${arrow} ${header.method} ${about || code}`.trim(), payload ? { header, payload } : { header }];
}

/** The files of a message as Parley's own client shows them: the SDKs have other names in each version. */
function filesOf({ attachedMedia, media }) {
  return (attachedMedia ?? [media]).filter(Boolean).map((file) => ({
    sid: file.sid,
    filename: file.filename,
    contentType: file.contentType,
    size: file.size,
    getContentTemporaryUrl: () => (file.getContentTemporaryUrl ?? file.getContentUrl).call(file),
  }));
}

export class SdkPane {
  constructor(identity, { session, rest, service, packages, name }) {
    Object.assign(this, { identity, session, rest, service, packages, name });
    this.client = null;
    this.conversation = null;
    this.run = 0;
    this.messages = new Map();
    this.files = new Map(); // by SID
    this.journal = new Journal(['event', 'frame'], ['event', 'frame']);
    this.element = this.#build();
  }

  get #chosen() {
    return this.packages.find(({ name }) => name === this.select.value);
  }

  #build() {
    const kept = this.session.values.sdks?.[this.identity];
    const options = this.packages.map(({ name, title }) => h('option', { value: name }, title));
    const change = guarded(() => this.#change());
    this.select = h('select', { 'aria-label': `SDK of ${this.identity}`, on: { change } }, options);
    this.select.value = this.packages.some(({ name }) => name === kept) ? kept : this.packages.at(-1).name;
    this.pill = h('span', { class: 'pill', data: { state: 'disconnected' } }, 'disconnected');
    this.list = h('ol', { class: 'messages', 'aria-label': `Messages that ${this.identity} sees` });
    this.scroller = h('div', { class: 'scroller', tabindex: '0' }, this.list);
    this.typing = h('div', { class: 'typing', 'aria-live': 'polite' });
    this.field = h('textarea', {
      rows: '1',
      dir: 'auto',
      placeholder: 'Message',
      'aria-label': `Message from ${this.identity}`,
      on: {
        // If this fails, the other person only does not see that somebody is typing.
        input: () => this.conversation?.typing().catch(() => {}),
        keydown: (event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          this.#send();
        },
      },
    });
    const send = iconButton('send', 'Send', () => this.#send(), { class: 'send' });
    return h(
      'section',
      { class: 'pane sdk-pane', data: { identity: this.identity, tone: tone(this.identity) }, 'aria-label': this.identity },
      h('div', { class: 'pane-head' }, avatar(this.identity), h('h2', {}, this.identity), this.pill, this.select),
      h(
        'div',
        { class: 'conversation' },
        this.scroller,
        this.typing,
        h('div', { class: 'composer' }, h('div', { class: 'composer-row' }, this.field, send)),
      ),
      this.journal.element,
    );
  }

  async #change() {
    this.session.set({ sdks: { ...this.session.values.sdks, [this.identity]: this.select.value } });
    const { client } = this;
    const run = this.#leave();
    await client?.shutdown();
    if (run === this.run) await this.connect();
  }

  /** Show and send nothing through the present client any more; returns the number of the next connection. */
  #leave() {
    this.client = null;
    this.conversation = null;
    this.messages.clear();
    this.files.clear();
    this.#redraw();
    this.typing.replaceChildren();
    this.#state('connecting');
    this.run += 1;
    return this.run;
  }

  #say(name) {
    if (this.#chosen.global === 'Chat') return name;
    return CONVERSATIONS.reduce((text, [chat, other]) => text.replace(chat, other), name);
  }

  /** Connect with the chosen SDK and show the conversation. */
  async connect() {
    const run = this.#leave();
    try {
      const Client = await load(this.#chosen);
      const token = await this.rest.accessToken(this.identity, this.service.sid);
      const sockets = socketClass((title, packet) => this.journal.add(this.identity, 'frame', title, packet), decoded);
      const client = await Client.create(token, parley(this.session.values.wsUrl, { WebSocket: sockets }));
      if (run === this.run) await this.#show(client, run);
      else await client.shutdown();
    } catch (error) {
      if (run !== this.run) return; // Another SDK was chosen meanwhile.
      this.#state('denied');
      throw new Error(`${this.identity} cannot connect: ${explain(error)}`);
    }
  }

  async #show(client, run) {
    this.client = client;
    const on = (name, listener) => client.on(name, (payload) => run === this.run && listener(payload));
    for (const name of LOGGED) {
      on(this.#say(name), (payload) => {
        this.journal.add(this.identity, 'event', this.#say(name), plain(payload), summary(payload));
      });
    }
    on('messageAdded', (message) => this.#draw(message));
    on('messageUpdated', ({ message }) => this.#draw(message));
    on('messageRemoved', ({ index }) => this.#erase(index));
    on('typingStarted', ({ identity }) => this.typing.replaceChildren(`${identity} is typing`));
    on('typingEnded', () => this.typing.replaceChildren());
    const renew = async () => client.updateToken(await this.rest.accessToken(this.identity, this.service.sid));
    on('tokenAboutToExpire', guarded(renew));
    const conversation = await client[this.#say('getChannelByUniqueName')](this.name);
    const { items } = await conversation.getMessages(FIRST_MESSAGES);
    if (run !== this.run) return;
    items.forEach((message) => this.#draw(message));
    // The pane says that it is connected once somebody can write.
    this.conversation = conversation;
    on('connectionStateChanged', (state) => this.#state(state));
    this.#state(client.connectionState);
  }

  #state(state) {
    this.pill.dataset.state = state;
    this.pill.textContent = state;
  }

  #send() {
    const body = this.field.value.trim();
    if (!body || !this.conversation) return;
    this.field.value = '';
    guarded(() => this.conversation.sendMessage(body))();
  }

  #draw(message) {
    this.messages.set(message.index, message);
    this.#redraw();
  }

  #erase(index) {
    this.messages.delete(index);
    this.#redraw();
  }

  #redraw() {
    const shown = [...this.messages.values()].sort((one, other) => one.index - other.index);
    this.list.replaceChildren(...shown.map((message) => this.#row(message)));
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** The element of a file, which stays when its message is drawn again, so that it is fetched once. */
  #file(media) {
    if (!this.files.has(media.sid)) this.files.set(media.sid, attachment(media));
    return this.files.get(media.sid);
  }

  #row(message) {
    const { index, author, body } = message;
    const files = filesOf(message).map((media) => this.#file(media));
    const isOwn = author === this.identity;
    return h(
      'li',
      { class: 'message', data: { index, side: isOwn ? 'own' : 'other' } },
      !isOwn && avatar(author),
      h(
        'div',
        { class: 'stack', data: { tone: tone(author) } },
        !isOwn && h('div', { class: 'author' }, author),
        h(
          'div',
          { class: 'bubble', dir: 'auto' },
          files.length > 0 && h('div', { class: 'files', dir: 'ltr' }, files),
          body && h('span', { class: 'text' }, body),
        ),
      ),
    );
  }
}
