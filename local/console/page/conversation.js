// One open channel of one person: what was said, who is there, who is typing, and what this person has read of it.

import { announce, avatar, debounce, explain, guarded, h, icon, iconButton, keep, textButton } from './dom.js';
import { Composer } from './composer.js';
import { confirmDialog } from './dialogs.js';
import { MessageList } from './messages.js';
import { channelDialog, channelName, membersDialog } from './people.js';

const PAGE = 30;
const NEAR_PIXELS = 60;
const READ_MILLISECONDS = 150;

export class Conversation {
  constructor(pane, channel) {
    this.pane = pane;
    this.channel = channel;
    this.messages = new Map(); // by index
    this.removed = new Set();
    this.outbox = pane.outbox(channel);
    this.members = new Map(); // by identity
    this.users = new Map();
    this.typing = new Set();
    this.watchers = new Set();
    this.firstUnread = null;
    this.older = null;
    this.atEnd = true;
    this.consumeSoon = debounce(() => this.#consume(), READ_MILLISECONDS);
    this.element = this.#build();
    this.outbox.watch(() => this.show());
    this.load();
  }

  // Building.

  #build() {
    this.title = h('h3', { class: 'title' });
    this.subtitle = h('p', { class: 'subtitle' });
    this.faces = h('span', { class: 'faces' });
    const look = {
      type: 'button',
      class: 'button plain faces-button',
      'aria-label': 'Members, invite',
      title: 'Members, invite',
    };
    const members = h(
      'button',
      { ...look, on: { click: guarded(() => membersDialog(this)) } },
      this.faces,
      icon('people'),
    );
    const head = h(
      'header',
      { class: 'conversation-head' },
      iconButton('back', 'Back to the channels', () => this.pane.showChannels(), { class: 'back' }),
      h('div', { class: 'titles' }, this.title, this.subtitle),
      members,
      iconButton(
        'more',
        'Channel settings',
        guarded(() => channelDialog(this)),
      ),
    );
    this.list = new MessageList(this.pane.identity, {
      edit: (message) => this.composer.startEditing(message),
      remove: (message) => this.#remove(message),
      retry: (pending) => this.#send(pending),
      discard: (pending) => this.outbox.discard(pending),
      leave: () => this.composer.focus(),
      mayDelete: ({ author }) => author === this.pane.identity || this.channel.createdBy === this.pane.identity,
    });
    this.composer = new Composer(this.pane.identity, {
      send: (body) => this.#say(body),
      edit: guarded((message, body) => message.updateBody(body)),
      editing: (message) => this.list.mark(message),
      typing: () => this.channel.typing().catch(() => {}),
      lastOwn: () => this.sorted.findLast(({ author, body }) => author === this.pane.identity && body !== null),
    });
    this.jump = textButton('New messages', () => this.#scrollToEnd(), { look: 'jump', drawing: 'down', hidden: true });
    this.scroller = h('div', { class: 'scroller', on: { scroll: () => this.#onScroll() } }, this.list.element);
    this.typingLine = h('p', { class: 'typing' });
    // What is at the end stays in view when the pane or the field below changes its height.
    this.resizing = new ResizeObserver(() => {
      if (this.atEnd) this.#scrollToEnd();
      this.#fill();
    });
    this.resizing.observe(this.scroller);
    return h(
      'section',
      { class: 'conversation', 'aria-label': this.#label },
      head,
      h('div', { class: 'scroller-frame' }, this.scroller, this.jump),
      this.typingLine,
      this.composer.element,
    );
  }

  /** Two people may have the same channel open, so its name alone would stand for two parts of the page. */
  get #label() {
    return `${channelName(this.channel)}, as ${this.pane.identity}`;
  }

  close() {
    this.isClosed = true;
    this.outbox.watch(null);
    this.resizing.disconnect();
    this.element.remove();
  }

  // Loading.

  /** Read what is to be shown; what failed before is tried again, and what is there already is not. */
  async load() {
    if (this.isLoaded || this.isLoading) return;
    this.isLoading = true;
    this.problem = null;
    this.show();
    try {
      await this.#load();
    } catch (error) {
      this.problem = `The channel cannot be shown: ${explain(error)}`;
      this.show();
    } finally {
      this.isLoading = false;
    }
  }

  /** There is a connection again: what could not be read without it is read now. */
  onConnected() {
    this.load();
    this.#fill();
  }

  async #load() {
    const horizon = this.channel.lastConsumedMessageIndex ?? -1;
    this.showHead();
    const [page] = await Promise.all([this.channel.getMessages(PAGE), this.#loadMembers()]);
    this.#takePage(page);
    const isUnread = ({ index, author }) => index > horizon && author !== this.pane.identity;
    this.firstUnread = this.sorted.find(isUnread)?.index ?? null;
    this.isLoaded = true;
    this.show();
    this.pane.countUnread(this.channel);
    this.consumeSoon();
  }

  /** Read again what is shown: the client cannot tell message by message what it missed. */
  async refetch() {
    if (!this.isLoaded) return this.load();
    // Whose typing ended meanwhile is a part of what was missed; who still types is soon told of again.
    this.typing.clear();
    this.#showTyping();
    const old = [...this.messages.keys()];
    const [page] = await Promise.all([this.channel.getMessages(PAGE), this.#loadMembers()]);
    // What has arrived meanwhile may be newer than the page, so it stays.
    for (const index of old) this.messages.delete(index);
    this.#takePage(page);
    this.show();
    this.pane.countUnread(this.channel);
    this.consumeSoon();
    return undefined;
  }

  #takePage(page) {
    const present = page.items.filter(({ index }) => !this.removed.has(index));
    for (const message of present) {
      this.messages.set(message.index, message);
      if (message.author === this.pane.identity) this.outbox.arrived(message);
    }
    this.older = page;
  }

  async #loadOlder() {
    if (this.isLoadingOlder || !this.older?.hasPrevPage) return;
    this.isLoadingOlder = true;
    const { older } = this;
    try {
      const page = await older.prevPage();
      // Where all was read again meanwhile, it does not join on.
      if (this.older === older) this.#showAbove(page);
    } finally {
      this.isLoadingOlder = false;
    }
    this.#fill();
  }

  #showAbove(page) {
    const { scrollHeight, scrollTop } = this.scroller;
    this.#takePage(page);
    this.atEnd = false;
    this.show();
    this.scroller.scrollTop = scrollTop + this.scroller.scrollHeight - scrollHeight;
    this.#noteEnd();
  }

  /** Read on where there is room for more, or nearly: without anything to scroll, nobody can ask for it. */
  #fill() {
    const { scrollTop, clientHeight } = this.scroller;
    if (this.isClosed || !this.isLoaded || clientHeight === 0 || scrollTop >= NEAR_PIXELS) return;
    // Who scrolls, or has more to show, asks again.
    this.#loadOlder().catch(() => {});
  }

  async #loadMembers() {
    const members = await this.channel.getMembers();
    this.members = new Map(members.map((member) => [member.identity, member]));
    this.#membersChanged();
    for (const identity of this.members.keys()) this.#follow(identity);
  }

  async #follow(identity) {
    if (this.users.has(identity)) return;
    try {
      this.users.set(identity, await this.pane.client.getUser(identity));
      this.#membersChanged();
    } catch {
      // A user that cannot be read is shown without presence.
    }
  }

  /** Whether somebody is online; null where that is not known. */
  isOnline(identity) {
    const user = this.users.get(identity);
    if (!user) return null;
    // Of who was never there the service says as little as of anybody while it does not tell.
    return user.online ?? (this.pane.client?.reachabilityEnabled ? false : null);
  }

  // What the client tells.

  onMessageAdded(message) {
    const isNew = !this.messages.has(message.index);
    const isOwn = message.author === this.pane.identity;
    this.messages.set(message.index, message);
    if (isNew && !isOwn) {
      if (!this.isBeingRead) this.firstUnread ??= message.index;
      if (this.pane.isActive) announce(`${message.author}: ${message.body ?? 'sent a file'}`);
    }
    this.atEnd ||= isOwn;
    this.show();
    this.jump.hidden = this.atEnd;
    this.consumeSoon();
  }

  onMessageUpdated(message) {
    if (this.messages.has(message.index)) this.messages.set(message.index, message);
    this.show();
  }

  onMessageRemoved(message) {
    this.removed.add(message.index);
    this.messages.delete(message.index);
    if (this.composer.editing?.index === message.index) this.composer.stopEditing();
    this.show();
  }

  onMember(member) {
    this.members.set(member.identity, member);
    this.#membersChanged();
    this.#follow(member.identity);
  }

  onMemberLeft({ identity }) {
    this.members.delete(identity);
    this.typing.delete(identity);
    this.#membersChanged();
  }

  onUser(user) {
    if (this.users.has(user.identity)) this.users.set(user.identity, user);
    this.#membersChanged();
  }

  onTyping({ identity }, isTyping) {
    if (isTyping) this.typing.add(identity);
    else this.typing.delete(identity);
    this.#showTyping();
  }

  #membersChanged() {
    this.showHead();
    this.show();
    for (const watcher of this.watchers) watcher();
  }

  // Showing.

  get sorted() {
    return [...this.messages.values()].sort((one, other) => one.index - other.index);
  }

  show() {
    if (this.isClosed) return;
    this.outbox.forgetShown(Math.max(-1, ...this.messages.keys()), this.removed);
    const { pending } = this.outbox;
    if (!this.isLoaded) {
      this.list.fail(this.problem, pending);
      return;
    }
    const { atEnd, firstUnread } = this;
    const hasOlder = Boolean(this.older?.hasPrevPage);
    this.list.show({ messages: this.sorted, members: [...this.members.values()], pending, firstUnread, hasOlder });
    this.#showTyping();
    if (atEnd) this.#scrollToEnd();
    if (hasOlder) this.#fill();
  }

  showHead() {
    this.element?.setAttribute('aria-label', this.#label);
    keep(this.title, [
      icon(this.channel.isPrivate ? 'lock' : 'hash'),
      document.createTextNode(channelName(this.channel)),
    ]);
    const identities = [...this.members.keys()];
    const online = identities.filter((identity) => this.isOnline(identity)).length;
    const isKnown = identities.some((identity) => this.isOnline(identity) !== null);
    const count = `${identities.length} ${identities.length === 1 ? 'member' : 'members'}`;
    this.subtitle.textContent = identities.length ? `${count}${isKnown ? ` · ${online} online` : ''}` : '';
    const others = identities.filter((identity) => identity !== this.pane.identity).slice(0, 3);
    keep(
      this.faces,
      others.map((identity) => avatar(identity, this.isOnline(identity), 'small')),
    );
  }

  #showTyping() {
    const names = [...this.typing];
    const words =
      names.length > 2
        ? 'Several people are typing'
        : `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} typing`;
    const dots = h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));
    keep(this.typingLine, names.length ? [dots, document.createTextNode(words)] : []);
  }

  #scrollToEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.atEnd = true;
    this.jump.hidden = true;
  }

  #onScroll() {
    this.#noteEnd();
    if (this.scroller.scrollTop < NEAR_PIXELS && this.isLoaded) guarded(() => this.#loadOlder())();
  }

  #noteEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PIXELS;
    if (this.atEnd) {
      this.jump.hidden = true;
      this.consumeSoon();
    }
  }

  // Reading.

  /** Somebody reads who is in this pane, in this tab, at the end of the messages. */
  get isBeingRead() {
    return this.pane.isActive && !document.hidden && this.atEnd && this.scroller.clientHeight > 0;
  }

  /** How many messages of others lie above this person's horizon; null if it is not known from what is loaded. */
  countUnread() {
    const horizon = this.channel.lastConsumedMessageIndex ?? -1;
    const messages = this.sorted;
    if (!this.isLoaded || (this.older?.hasPrevPage && messages[0]?.index > horizon)) return null;
    return messages.filter(({ index, author }) => index > horizon && author !== this.pane.identity).length;
  }

  async #consume() {
    const last = Math.max(-1, ...this.messages.keys());
    if (this.isLoaded && !this.isClosed && this.isBeingRead) await this.#advance(last);
  }

  async #advance(index) {
    if (index <= (this.channel.lastConsumedMessageIndex ?? -1)) return;
    try {
      await this.channel.advanceLastConsumedMessageIndex(index);
    } catch {
      return; // the next message or look tries again
    }
    this.pane.countUnread(this.channel);
  }

  // Writing.

  #say(body) {
    const pending = this.outbox.add(body, this.channel);
    this.firstUnread = null;
    this.atEnd = true;
    this.#send(pending);
  }

  async #send(pending) {
    const index = await this.outbox.send(pending, this.channel);
    if (index !== undefined) this.#advance(index); // who answers has read
  }

  async #remove(message) {
    await confirmDialog('Delete this message?', 'It disappears for everybody.', 'Delete', () => message.remove());
    this.composer.focus();
  }
}
