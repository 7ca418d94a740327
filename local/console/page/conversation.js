// One open channel of one person: its messages, its members, who is typing, and how far this person has read.

import { acceptDrops } from './attachments.js';
import { attributesDialog } from './attributes.js';
import { announce, debounce, explain, guarded, h, keep, textButton } from './dom.js';
import { Composer } from './composer.js';
import { ConversationHead } from './conversation_head.js';
import { confirmDialog } from './dialogs.js';
import { Following } from './following.js';
import { MessageList } from './messages.js';
import { channelName } from './people.js';
import { Roster } from './roster.js';
import { whyReadOnly } from './states.js';

const PAGE = 30;
const READ_MILLISECONDS = 150;

export class Conversation {
  constructor(pane, channel) {
    this.pane = pane;
    this.channel = channel;
    this.messages = new Map(); // by index
    this.removed = new Set();
    this.outbox = pane.outbox(channel);
    this.roster = new Roster(pane, channel, () => this.#rosterChanged());
    this.typing = new Set();
    this.watchers = new Set();
    this.firstUnread = null;
    this.older = null;
    this.consumeSoon = debounce(() => this.#consume(), READ_MILLISECONDS);
    this.element = this.#build();
    this.outbox.watch(() => this.show());
    this.load();
  }

  // Building.

  #build() {
    this.head = new ConversationHead(this);
    this.list = new MessageList(this.pane.identity, {
      edit: (message) => this.composer.startEditing(message),
      remove: (message) => this.#remove(message),
      attributes: (message) => attributesDialog('Attributes of the message', message),
      retry: (pending) => this.#send(pending),
      discard: (pending) => this.outbox.discard(pending),
      leave: () => this.composer.focus(),
      // The text beside a file cannot change.
      mayEdit: (message) => this.#isOwnText(message) && !whyReadOnly(this.channel),
      maySend: () => !whyReadOnly(this.channel),
      mayDelete: ({ author }) => author === this.pane.identity || this.channel.createdBy === this.pane.identity,
    });
    this.composer = new Composer(this.pane.identity, {
      send: (body, files) => this.#say(body, files),
      edit: guarded((message, body) => message.updateBody(body)),
      editing: (message) => this.list.mark(message),
      typing: () => this.channel.typing().catch(() => {}),
      toMessages: () => this.list.focus(),
      lastOwn: () => this.sorted.findLast((message) => this.#isOwnText(message)),
    });
    this.jump = textButton('New messages', () => this.#scrollToEnd(), { look: 'jump', drawing: 'down', hidden: true });
    this.scroller = h('div', { class: 'scroller', on: { scroll: () => this.#onScroll() } }, this.list.element);
    this.following = new Following(this.scroller);
    this.typingLine = h('p', { class: 'typing' });
    // The last message stays in view when the pane or the field below changes its height.
    this.resizing = new ResizeObserver(() => {
      this.following.note();
      if (this.following.atEnd) this.#scrollToEnd();
      this.#fill();
    });
    this.resizing.observe(this.scroller);
    const element = h(
      'section',
      { class: 'conversation', 'aria-label': this.#label },
      this.head.element,
      h('div', { class: 'scroller-frame' }, this.scroller, this.jump),
      this.typingLine,
      this.composer.element,
    );
    acceptDrops(element, (files) => this.composer.attach(files));
    return element;
  }

  #isOwnText({ author, body, type }) {
    return author === this.pane.identity && body !== null && type === 'text';
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

  /** Read the newest messages and the members, unless they were read before. After a failure, this tries again. */
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

  /** The client has connected again or lost its connection. Once connected, read what could not be read without. */
  onConnection(state) {
    this.#rosterChanged();
    if (state !== 'connected') return;
    this.load();
    this.#fill();
  }

  async #load() {
    const horizon = this.channel.lastConsumedMessageIndex ?? -1;
    this.showHead();
    const [page] = await Promise.all([this.channel.getMessages(PAGE), this.roster.load()]);
    this.#takePage(page);
    const isUnread = ({ index, author }) => index > horizon && author !== this.pane.identity;
    this.firstUnread = this.sorted.find(isUnread)?.index ?? null;
    this.isLoaded = true;
    this.show();
    this.pane.countUnread(this.channel);
    this.consumeSoon();
  }

  /** Read the messages and members again: the client has missed too many events to report them one by one. */
  async refetch() {
    if (!this.isLoaded) return this.load();
    // Nobody counts as typing: the event that somebody stopped may be missing, and who goes on is soon reported again.
    this.typing.clear();
    this.#showTyping();
    const old = [...this.messages.keys()];
    const [page] = await Promise.all([this.channel.getMessages(PAGE), this.roster.load()]);
    // A message that has arrived meanwhile may be newer than the page, so it stays.
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

  /** Read the page before the earliest message that is shown. Whoever asks meanwhile waits for the same page. */
  async #loadOlder() {
    if (!this.older?.hasPrevPage) return;
    if (!this.loadingOlder) {
      this.loadingOlder = this.#readOlder().finally(() => (this.loadingOlder = null));
      // There may be room for one more page.
      this.loadingOlder.then(() => this.#fill(), () => {});
    }
    await this.loadingOlder;
  }

  async #readOlder() {
    const { older } = this;
    const page = await older.prevPage();
    // If everything was read again meanwhile, this page may not be the one before what is shown.
    if (this.older !== older) return;
    this.following.above(() => {
      this.#takePage(page);
      this.show();
    });
  }

  /** Show the message with this index and go to it; earlier messages are read as far back as that. */
  async reveal(index) {
    while (!this.isClosed && !this.messages.has(index) && this.older?.hasPrevPage) await this.#loadOlder();
    if (!this.isClosed) this.list.reveal(index);
  }

  /** Read earlier messages while the pane has room for more: without anything to scroll, nobody can ask for them. */
  #fill() {
    if (this.isClosed || !this.isLoaded || this.scroller.clientHeight === 0 || !this.following.isNearTop) return;
    // After a failure, scrolling or the next message tries again.
    this.#loadOlder().catch(() => {});
  }

  // Events of the client.

  onMessageAdded(message) {
    const isNew = !this.messages.has(message.index);
    const isOwn = message.author === this.pane.identity;
    this.messages.set(message.index, message);
    this.following.note();
    if (isNew && !isOwn) {
      if (!this.isBeingRead) this.firstUnread ??= message.index;
      if (this.pane.isActive) announce(`${message.author}: ${message.body ?? 'sent a file'}`);
    }
    this.following.atEnd ||= isOwn;
    this.show();
    this.jump.hidden = this.following.atEnd;
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

  onChannelUpdated(reasons) {
    this.showHead();
    if (!reasons.includes('state')) return;
    const note = whyReadOnly(this.channel);
    if (note) this.typing.clear();
    if (note && this.pane.isActive) announce(note);
    this.show();
  }

  onMember(member) {
    this.roster.put(member);
  }

  onMemberLeft(member) {
    this.typing.delete(member.identity);
    this.roster.remove(member);
  }

  onUser(user) {
    this.roster.userChanged(user);
  }

  onTyping({ identity }, isTyping) {
    if (isTyping) this.typing.add(identity);
    else this.typing.delete(identity);
    this.#showTyping();
  }

  #rosterChanged() {
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
    this.following.note();
    this.outbox.forgetShown(Math.max(-1, ...this.messages.keys()), this.removed);
    const { pending } = this.outbox;
    if (!this.isLoaded) {
      this.list.fail(this.problem, pending);
      return;
    }
    const { firstUnread } = this;
    const { atEnd } = this.following;
    const hasOlder = Boolean(this.older?.hasPrevPage);
    const members = [...this.roster.members.values()].map((member) => ({
      name: this.roster.nameOf(member),
      horizon: member.lastConsumedMessageIndex,
    }));
    this.list.show({ messages: this.sorted, members, pending, firstUnread, hasOlder });
    this.#showTyping();
    if (atEnd) this.#scrollToEnd();
    if (hasOlder) this.#fill();
  }

  showHead() {
    this.element?.setAttribute('aria-label', this.#label);
    this.head.show();
    this.composer.replaceWith(whyReadOnly(this.channel));
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
    this.following.toEnd();
    this.jump.hidden = true;
  }

  #onScroll() {
    this.following.note();
    if (this.following.atEnd) {
      this.jump.hidden = true;
      this.consumeSoon();
    }
    if (this.following.isNearTop && this.isLoaded) guarded(() => this.#loadOlder())();
  }

  // Reading.

  /** Messages count as read while this pane is the active one, the tab is visible, and the last message is in view. */
  get isBeingRead() {
    const isInView = !document.hidden && this.following.atEnd && this.scroller.clientHeight > 0;
    return !whyReadOnly(this.channel) && this.pane.isActive && isInView;
  }

  /** How many messages of others this person has not read; null if that cannot be known from what is loaded. */
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
      return; // The next message or look tries again.
    }
    this.pane.countUnread(this.channel);
  }

  // Writing.

  #say(body, files) {
    const pending = this.outbox.add(body, files, this.channel);
    this.firstUnread = null;
    this.following.atEnd = true;
    this.#send(pending);
  }

  async #send(pending) {
    const index = await this.outbox.send(pending, this.channel);
    if (index !== undefined) this.#advance(index); // An answer counts as reading.
  }

  async #remove(message) {
    await confirmDialog('Delete this message?', 'It disappears for everybody.', 'Delete', () => message.remove());
    this.composer.focus();
  }
}
