// One person: a client of their own, their channels, invitations, and the channel they have open.

import { Client } from './parley.js';
import { avatar, debounce, explain, guarded, h, icon, iconButton, keep, textButton, toast, tone } from './dom.js';
import { browseDialog } from './browse.js';
import { askForm } from './dialogs.js';
import { Conversation } from './conversation.js';
import { socketClass } from './frames.js';
import { plain, summary } from './journal.js';
import { Outbox, outcome } from './outbox.js';
import { channelName, newChannelDialog } from './people.js';

const STATES = {
  connecting: 'Connecting',
  connected: 'Connected',
  disconnecting: 'Disconnecting',
  disconnected: 'Not connected',
  denied: 'Refused',
};
const LOGGED = [
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

export class Pane {
  constructor(app, person) {
    this.app = app;
    this.identity = person.identity;
    this.openSid = person.channelSid ?? null;
    this.channels = new Map(); // by SID: joined and invited
    this.unread = new Map();
    this.outboxes = new Map(); // by identity and SID: what is on its way survives the connection
    this.buttons = new Map(); // rows and banners: what is behind them is an object of the present client
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
    this.name = h('h2', {});
    this.pill = h('span', { class: 'pill', role: 'status' });
    this.plug = iconButton(
      'plug',
      'Disconnect',
      guarded(() => this.toggleConnection()),
    );
    this.closeButton = iconButton('close', 'Close this pane', () => this.app.removePane(this));
    this.banners = h('div', { class: 'banners' });
    this.channelList = h('ul', { class: 'channel-list', 'aria-label': 'Channels' });
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
    this.sidebar = h('nav', { class: 'sidebar' }, h('div', { class: 'sidebar-scroll' }, this.channelList), actions);
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
    const element = h('section', { class: 'pane', tabindex: '-1' }, head, this.banners, this.body);
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
      // Who disconnected meanwhile does not want to hear of it.
      if (run === this.run) toast(`${identity}: ${explain(error)}`, 'error');
    }
  }

  /** Close the socket, and show nothing of what came through it. */
  async disconnect() {
    this.run += 1;
    const { client } = this;
    this.client = null;
    this.#close();
    this.channels.clear();
    this.unread.clear();
    this.buttons.clear();
    this.#showChannels();
    if (client) await Promise.resolve(client.shutdown()).catch(() => {});
    this.#setState('disconnected');
  }

  async toggleConnection() {
    if (!this.client) return this.connect();
    await this.disconnect();
    this.#showEmpty();
    // Where there is room for one of them only, this is what there is to see.
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
      if (state === 'connected') this.conversation?.onConnected();
    });
    on('channelJoined', (channel) => this.#onChannel(channel));
    on('channelInvited', (channel) => this.#onChannel(channel));
    on('channelUpdated', ({ channel }) => this.#onChannelUpdated(channel));
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
    for (const channel of found) this.channels.set(channel.sid, channel);
    for (const channel of found) this.countUnread(channel);
    this.#showChannels();
    const joined = this.#joined();
    const wanted = joined.find(({ sid }) => sid === this.openSid) ?? (this.app.isNarrow ? null : joined[0]);
    if (wanted) this.open(wanted);
    else this.#showEmpty();
  }

  // What the client tells.

  #onChannel(channel) {
    this.channels.set(channel.sid, channel);
    this.countUnread(channel);
    this.#showChannels();
    if (channel.status === 'joined' && !this.conversation) this.open(channel);
  }

  #onChannelUpdated(channel) {
    this.#in(channel)?.showHead();
    this.showSoon();
  }

  #onGone(channel) {
    this.channels.delete(channel.sid);
    this.unread.delete(channel.sid);
    // Who comes back to a private channel gets another object for it.
    this.buttons.delete(channel.sid);
    this.buttons.delete(`banner ${channel.sid}`);
    if (this.#in(channel)) {
      this.#close();
      const next = this.#joined()[0];
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
    if (message.index > (channel.lastConsumedMessageIndex ?? -1) && message.author !== this.identity) {
      this.unread.set(channel.sid, (this.unread.get(channel.sid) ?? 0) + 1);
    }
    if (message.author === this.identity) this.outbox(channel).arrived(message);
    this.#in(channel)?.onMessageAdded(message);
    this.showSoon();
  }

  #onMessageRemoved(message) {
    const { channel } = message;
    if (message.index > (channel.lastConsumedMessageIndex ?? -1) && message.author !== this.identity) {
      this.unread.set(channel.sid, Math.max(0, (this.unread.get(channel.sid) ?? 0) - 1));
    }
    this.#in(channel)?.onMessageRemoved(message);
    this.showSoon();
  }

  #onMemberUpdated(member) {
    this.#in(member.channel)?.onMember(member);
    if (member.identity === this.identity) this.countUnread(this.channels.get(member.channel.sid));
  }

  /** How many messages wait in a channel: as loaded where it is open, else as the service counts. */
  async countUnread(channel) {
    if (channel?.status !== 'joined') return;
    const { run } = this;
    const last = channel.lastMessage?.index;
    let count = this.#in(channel)?.countUnread() ?? null;
    try {
      count ??= await channel.getUnconsumedMessagesCount();
      // Without a horizon nothing was ever read: everything counts.
      if (count === null && channel.lastMessage) count = await channel.getMessagesCount();
    } catch {
      return; // a badge is not worth an alarm; the next message counts on
    }
    if (run !== this.run) return;
    if (last !== channel.lastMessage?.index) {
      this.countUnread(channel); // something came while it was counted
      return;
    }
    this.unread.set(channel.sid, count ?? 0);
    this.showSoon();
  }

  // Channels.

  #joined() {
    const joined = [...this.channels.values()].filter(({ status }) => status === 'joined');
    return joined.sort((one, other) => channelName(one).localeCompare(channelName(other)));
  }

  #showChannels() {
    const joined = this.#joined();
    const rows = joined.map((channel) => this.#channelRow(channel));
    this.nothing ??= h('li', { class: 'nothing' }, 'No channels yet.');
    // Who is not connected may well have some.
    keep(this.channelList, rows.length || !this.client ? rows : [this.nothing]);
    this.#showBanners();
    this.app.unreadChanged();
  }

  #channelRow(channel) {
    let row = this.buttons.get(channel.sid);
    if (!row) {
      const button = h('button', { type: 'button', class: 'channel', on: { click: () => this.open(channel, true) } });
      row = h('li', { data: { sid: channel.sid } }, button);
      this.buttons.set(channel.sid, row);
    }
    const count = this.unread.get(channel.sid) ?? 0;
    const isOpen = this.conversation?.channel.sid === channel.sid;
    const button = row.firstChild;
    if (isOpen) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
    keep(
      button,
      [
        icon(channel.isPrivate ? 'lock' : 'hash'),
        h('span', { class: 'channel-name' }, channelName(channel)),
        channel.notificationLevel === 'muted' && icon('mute'),
        count > 0 &&
          h('span', { class: 'unread-badge' }, String(Math.min(count, 999)), h('span', { class: 'hidden' }, ' unread')),
      ].filter(Boolean),
    );
    return row;
  }

  get totalUnread() {
    return [...this.unread.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Show a channel. `focuses` puts the cursor where one writes. */
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

  /** What this person has sent to a channel and what has not come back yet. */
  outbox(channel) {
    const { identity } = this;
    const key = `${channel.sid} ${identity}`;
    if (!this.outboxes.has(key)) {
      const tell = (pending) => toast(`${identity} to ${channelName(channel)}: ${outcome(pending)}`, 'error');
      this.outboxes.set(key, new Outbox(channel.sid, tell));
    }
    return this.outboxes.get(key);
  }

  /** Where there is room for one of them only: show the channels in place of the conversation. */
  showChannels() {
    this.body.dataset.view = 'channels';
    this.channelList.querySelector('[aria-current]')?.focus();
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
    else if (this.channels.size) words = 'Choose a channel.';
    keep(this.stage, [h('div', { class: 'empty' }, avatar(this.identity, null, 'large'), h('p', {}, words))]);
  }

  /** What this person sees when the socket or the channel's members change their mind about being looked at. */
  onLooked() {
    this.conversation?.consumeSoon();
  }

  // Invitations.

  #showBanners() {
    const invited = [...this.channels.values()].filter(({ status }) => status === 'invited');
    keep(
      this.banners,
      invited.map((channel) => this.#banner(channel)),
    );
  }

  #banner(channel) {
    const key = `banner ${channel.sid}`;
    let banner = this.buttons.get(key);
    if (!banner) {
      banner = h(
        'div',
        { class: 'banner', role: 'group' },
        h('p', {}, 'You are invited to ', h('strong', {}), '.'),
        textButton(
          'Accept',
          guarded(() => this.#answer(channel, true)),
          { look: 'primary small' },
        ),
        textButton(
          'Decline',
          guarded(() => this.#answer(channel, false)),
          { look: 'plain small' },
        ),
      );
      this.buttons.set(key, banner);
    }
    banner.setAttribute('aria-label', `Invitation to ${channelName(channel)}`);
    banner.querySelector('strong').textContent = channelName(channel);
    return banner;
  }

  async #answer(channel, accepts) {
    if (accepts) await channel.join();
    else await channel.decline();
    this.buttons.delete(`banner ${channel.sid}`);
    if (!accepts) this.channels.delete(channel.sid);
    this.#showChannels();
    if (accepts) this.open(channel, true);
  }

  // Dialogs.

  #need() {
    if (!this.client) throw new Error(`${this.identity} is not connected`);
    return this.client;
  }

  /** Have a dialog find a channel, and show it. */
  async #openFrom(dialog) {
    const client = this.#need();
    const channel = await dialog(client);
    if (channel && this.client === client) this.open(channel, true);
  }

  async changeIdentity() {
    const users = await this.app.identities();
    await askForm('Chat as', {
      fields: [
        {
          name: 'identity',
          label: 'Identity',
          value: this.identity,
          required: true,
          maximum: 256,
          autofocus: true,
          suggestions: users,
          hint: 'Who connects for the first time becomes a user of the service.',
        },
      ],
      submit: 'Use it',
      act: async ({ identity }) => {
        if (this.app.panes.some((pane) => pane !== this && pane.identity === identity))
          throw new Error(`${identity} has a pane already`);
        this.identity = identity;
        this.openSid = null;
        this.app.personChanged();
        this.connect();
      },
    });
  }
}
