// One person: a client of their own, their channels, and the channel that they have open.

import { Client } from './parley.js';
import { avatar, debounce, explain, guarded, h, iconButton, keep, textButton, toast, tone } from './dom.js';
import { browseDialog } from './browse.js';
import { ChannelList } from './channels.js';
import { Conversation } from './conversation.js';
import { socketClass } from './frames.js';
import { LOGGED, plain, summary } from './journal.js';
import { Outbox, outcome } from './outbox.js';
import { channelName, newChannelDialog } from './people.js';

const STATES = {
  connecting: 'Connecting',
  connected: 'Connected',
  disconnecting: 'Disconnecting',
  disconnected: 'Not connected',
  denied: 'Refused',
};

export class Pane {
  constructor(app, person) {
    this.app = app;
    this.identity = person.identity;
    this.openSid = person.channelSid ?? null;
    this.list = new ChannelList({
      open: (channel) => this.open(channel, true),
      answer: (channel, accepts) => this.#answer(channel, accepts),
    });
    this.outboxes = new Map(); // by identity and SID: messages on their way survive the connection
    this.conversation = null;
    this.client = null;
    this.run = 0;
    this.state = 'disconnected';
    this.element = this.#build();
    this.showSoon = debounce(() => this.#showChannels(), 0);
  }

  // Building.

  #build() {
    this.face = h('span', { class: 'face' });
    this.name = h('h2', { dir: 'auto' });
    this.pill = h('span', { class: 'pill', role: 'status' });
    this.plug = iconButton(
      'plug',
      'Disconnect',
      guarded(() => this.toggleConnection()),
    );
    this.closeButton = iconButton('close', 'Close this pane', () => this.app.removePane(this));
    const actions = h(
      'div',
      { class: 'channel-actions' },
      textButton(
        'New channel',
        guarded(() => this.#openFrom(newChannelDialog)),
        { drawing: 'plus', look: 'quiet' },
      ),
      textButton(
        'Browse',
        guarded(() => this.#openFrom(browseDialog)),
        { drawing: 'search', look: 'quiet' },
      ),
    );
    this.sidebar = h('nav', { class: 'sidebar' }, h('div', { class: 'sidebar-scroll' }, this.list.element), actions);
    this.stage = h('div', { class: 'stage' });
    this.body = h('div', { class: 'pane-body', data: { view: 'channels' } }, this.sidebar, this.stage);
    const head = h(
      'header',
      { class: 'pane-head' },
      this.face,
      this.name,
      this.pill,
      h('span', { class: 'space' }),
      iconButton(
        'edit',
        'Chat as somebody else',
        guarded(() => this.changeIdentity()),
      ),
      this.plug,
      this.closeButton,
    );
    const element = h('section', { class: 'pane', tabindex: '-1' }, head, this.list.banners, this.body);
    element.addEventListener('focusin', () => this.app.activate(this));
    element.addEventListener('pointerdown', () => this.app.activate(this));
    return element;
  }

  showIdentity() {
    this.element.setAttribute('aria-label', `Chat as ${this.identity}`);
    this.element.dataset.tone = tone(this.identity);
    this.element.dataset.identity = this.identity;
    this.sidebar.setAttribute('aria-label', `Channels of ${this.identity}`);
    this.name.textContent = this.identity;
    this.closeButton.hidden = this.app.panes.length < 2;
    keep(this.face, [avatar(this.identity)]);
    this.#showState();
  }

  #showState() {
    this.pill.dataset.state = this.state;
    this.pill.textContent = STATES[this.state] ?? this.state;
    this.pill.title = this.pill.textContent;
    const label = this.client ? 'Disconnect' : 'Connect';
    this.plug.setAttribute('aria-label', label);
    this.plug.title = label;
    this.plug.setAttribute('aria-pressed', String(!this.client));
  }

  get isActive() {
    return this.app.active === this;
  }

  // Connecting.

  /** Open this person's socket in the chosen service. */
  async connect() {
    await this.disconnect();
    const serviceSid = this.app.service?.sid;
    this.showIdentity();
    if (!serviceSid) return;
    const run = (this.run += 1);
    const { identity } = this;
    const provider = () => this.app.rest.accessToken(identity, serviceSid);
    const note = (name, frame, socket) => {
      this.app.journal.add(identity, 'frame', name, frame);
      for (const outbox of this.outboxes.values()) outbox.note(frame, socket);
    };
    const client = new Client(provider, { url: this.app.session.values.wsUrl, WebSocket: socketClass(note) });
    this.client = client;
    this.#listen(client, run);
    try {
      await client.initialize();
      if (run === this.run) await this.#readChannels();
    } catch (error) {
      // After another connect or disconnect, nobody waits for this attempt any more.
      if (run === this.run) toast(`${identity}: ${explain(error)}`, 'error');
    }
  }

  /** Close the socket, and show nothing more that came through it. */
  async disconnect() {
    this.run += 1;
    const { client } = this;
    this.client = null;
    this.#close();
    this.list.clear();
    this.#showChannels();
    if (client) await Promise.resolve(client.shutdown()).catch(() => {});
    this.#setState('disconnected');
  }

  async toggleConnection() {
    if (!this.client) return this.connect();
    await this.disconnect();
    this.#showEmpty();
    // A narrow pane shows either the channels or this.
    this.body.dataset.view = 'conversation';
    return undefined;
  }

  #setState(state) {
    this.state = state;
    this.#showState();
    this.app.stateChanged();
  }

  #log(name, payload = null) {
    this.app.journal.add(this.identity, 'event', name, plain(payload), summary(payload));
  }

  #listen(client, run) {
    for (const name of LOGGED) client.on(name, (payload) => this.#log(name, payload));
    const on = (name, listener) => client.on(name, (payload) => run === this.run && listener(payload));
    on('connectionStateChanged', (state) => {
      this.#setState(state);
      this.conversation?.onConnection(state);
    });
    on('channelJoined', (channel) => this.#onChannel(channel));
    on('channelInvited', (channel) => this.#onChannel(channel));
    on('channelUpdated', ({ channel, updateReasons }) => this.#onChannelUpdated(channel, updateReasons));
    on('channelLeft', (channel) => this.#onGone(channel));
    on('channelRemoved', (channel) => this.#onGone(channel));
    on('channelRefetched', ({ channel }) => this.#onRefetched(channel));
    on('messageAdded', (message) => this.#onMessage(message));
    on('messageUpdated', ({ message }) => this.#in(message.channel)?.onMessageUpdated(message));
    on('messageRemoved', (message) => this.#onMessageRemoved(message));
    on('memberJoined', (member) => this.#in(member.channel)?.onMember(member));
    on('memberUpdated', ({ member }) => this.#onMemberUpdated(member));
    on('memberLeft', (member) => this.#in(member.channel)?.onMemberLeft(member));
    on('typingStarted', (member) => this.#in(member.channel)?.onTyping(member, true));
    on('typingEnded', (member) => this.#in(member.channel)?.onTyping(member, false));
    on('userUpdated', ({ user }) => this.conversation?.onUser(user));
  }

  /** The open conversation, if it is about that channel. */
  #in(channel) {
    return this.conversation?.channel.sid === channel?.sid ? this.conversation : null;
  }

  async #readChannels() {
    const { items: found } = await this.client.getSubscribedChannels();
    for (const channel of found) this.list.put(channel);
    for (const channel of found) this.countUnread(channel);
    this.#showChannels();
    const { joined } = this.list;
    const wanted = joined.find(({ sid }) => sid === this.openSid) ?? (this.app.isNarrow ? null : joined[0]);
    if (wanted) this.open(wanted);
    else this.#showEmpty();
  }

  // What the client tells.

  #onChannel(channel) {
    this.list.put(channel);
    this.countUnread(channel);
    this.#showChannels();
    if (channel.status === 'joined' && !this.conversation) this.open(channel);
  }

  #onChannelUpdated(channel, reasons) {
    this.#in(channel)?.onChannelUpdated(reasons);
    this.showSoon();
  }

  #onGone(channel) {
    this.list.remove(channel);
    if (this.#in(channel)) {
      this.#close();
      const [next] = this.list.joined;
      if (next && !this.app.isNarrow) this.open(next);
      else this.#showEmpty();
    }
    this.#showChannels();
  }

  #onRefetched(channel) {
    this.countUnread(channel);
    const conversation = this.#in(channel);
    if (conversation) guarded(() => conversation.refetch())();
  }

  #onMessage(message) {
    const { channel } = message;
    const conversation = this.#in(channel);
    if (message.author === this.identity) this.outbox(channel).arrived(message);
    conversation?.onMessageAdded(message);
    const count = conversation?.countUnread() ?? null;
    if (count !== null) this.list.setUnread(channel, count);
    else if (this.#isUnread(message)) this.list.countOn(message);
    this.showSoon();
  }

  #onMessageRemoved(message) {
    this.#in(message.channel)?.onMessageRemoved(message);
    // The service may have counted without this message already.
    if (this.#isUnread(message)) this.countUnread(message.channel);
    this.showSoon();
  }

  #isUnread({ channel, index, author }) {
    return index > (channel.lastConsumedMessageIndex ?? -1) && author !== this.identity;
  }

  #onMemberUpdated(member) {
    this.#in(member.channel)?.onMember(member);
    if (member.identity === this.identity) this.countUnread(member.channel);
  }

  /** Count a channel's unread messages: those that are loaded if it is open, otherwise the service counts. */
  async countUnread(channel) {
    if (channel.status !== 'joined' || !this.list.has(channel)) return;
    const { run } = this;
    const last = channel.lastMessage?.index;
    let count = this.#in(channel)?.countUnread() ?? null;
    try {
      count ??= await channel.getUnconsumedMessagesCount();
      // A member without a horizon has never read anything, so every message counts.
      if (count === null && channel.lastMessage) count = await channel.getMessagesCount();
    } catch {
      return; // The badge stays as it is; the next message counts on.
    }
    if (run !== this.run) return;
    if (last !== channel.lastMessage?.index) {
      this.countUnread(channel); // A message came meanwhile, which may be counted or not.
      return;
    }
    this.list.setUnread(channel, count ?? 0);
    this.showSoon();
  }

  // Channels.

  #showChannels() {
    this.list.show({ openSid: this.conversation?.channel.sid, isConnected: this.client !== null });
    this.app.unreadChanged();
  }

  get totalUnread() {
    return this.list.totalUnread;
  }

  /** Show a channel. `focuses` puts the cursor into the field to write in. */
  open(channel, focuses = false) {
    if (!this.#in(channel)) {
      this.#close();
      this.openSid = channel.sid;
      this.conversation = new Conversation(this, channel);
      keep(this.stage, [this.conversation.element]);
      this.app.personChanged();
    }
    this.conversation.load();
    this.body.dataset.view = 'conversation';
    this.#showChannels();
    if (focuses) this.conversation.composer.focus();
  }

  /** The messages that this person has sent to a channel and that have not come back yet. */
  outbox(channel) {
    const { identity } = this;
    const key = `${channel.sid} ${identity}`;
    if (!this.outboxes.has(key)) {
      const tell = (pending) => toast(`${identity} to ${channelName(channel)}: ${outcome(pending)}`, 'error');
      this.outboxes.set(key, new Outbox(channel.sid, tell));
    }
    return this.outboxes.get(key);
  }

  /** A narrow pane shows either the channels or the conversation: show the channels. */
  showChannels() {
    this.body.dataset.view = 'channels';
    this.list.element.querySelector('[aria-current]')?.focus();
  }

  #close() {
    this.conversation?.close();
    this.conversation = null;
    this.body.dataset.view = 'channels';
    keep(this.stage, []);
  }

  #showEmpty() {
    let words = `${this.identity} is in no channel yet. Make one, or look for a public one.`;
    if (!this.client) words = `${this.identity} is not connected. The plug connects again.`;
    else if (this.list.channels.size) words = 'Choose a channel.';
    keep(this.stage, [h('div', { class: 'empty' }, avatar(this.identity, null, 'large'), h('p', {}, words))]);
  }

  /** Somebody may have begun to look at this pane. */
  onLooked() {
    this.conversation?.consumeSoon();
  }

  async #answer(channel, accepts) {
    if (accepts) await channel.join();
    else await channel.decline();
    if (accepts) this.list.invitations.delete(channel.sid);
    else this.list.remove(channel);
    this.#showChannels();
    if (accepts) this.open(channel, true);
  }

  // Dialogs.

  #need() {
    if (!this.client) throw new Error(`${this.identity} is not connected`);
    return this.client;
  }

  /** Let a dialog find a channel, and show it. */
  async #openFrom(dialog) {
    const client = this.#need();
    const channel = await dialog(client);
    if (channel && this.client === client) this.open(channel, true);
  }

  changeIdentity() {
    const options = {
      submit: 'Use it',
      hint: 'Whoever connects for the first time becomes a user of the service.',
      act: (identity) => {
        this.identity = identity;
        this.openSid = null;
        this.app.personChanged();
        this.connect();
      },
    };
    return this.app.askIdentity('Chat as', options, this);
  }
}
