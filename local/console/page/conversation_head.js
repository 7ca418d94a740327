// The head of an open channel: its name, who is in it, and the buttons for members, search and settings.

import { avatar, guarded, h, icon, iconButton, keep } from './dom.js';
import { channelDialog } from './channel_settings.js';
import { membersDialog } from './members.js';
import { channelName } from './people.js';
import { searchDialog } from './search.js';

const MOST_FACES = 3;

export class ConversationHead {
  constructor(conversation) {
    this.conversation = conversation;
    this.title = h('h3', { class: 'title' });
    this.subtitle = h('p', { class: 'subtitle' });
    this.faces = h('span', { class: 'faces' });
    const label = 'Members, invite';
    const look = { type: 'button', class: 'button plain faces-button', title: label };
    // The drawings carry the name. On the button, the name would contradict the initials, which are its visible text.
    const members = h(
      'button',
      { ...look, on: { click: guarded(() => membersDialog(conversation)) } },
      h('span', { class: 'faces-drawn', role: 'img', 'aria-label': label }, this.faces, icon('people')),
    );
    const button = (drawing, text, action, props) => iconButton(drawing, text, guarded(action), props);
    this.element = h(
      'header',
      { class: 'conversation-head' },
      button('back', 'Back to the channels', () => conversation.pane.showChannels(), { class: 'back' }),
      h('div', { class: 'titles' }, this.title, this.subtitle),
      members,
      button('search', 'Search messages', () => searchDialog(conversation)),
      button('more', 'Channel settings', () => channelDialog(conversation)),
    );
  }

  show() {
    const { channel, pane, roster } = this.conversation;
    const name = h('span', { class: 'title-name', dir: 'auto' }, channelName(channel));
    keep(this.title, [icon(channel.isPrivate ? 'lock' : 'hash'), name]);
    const { keys } = roster;
    const presence = keys.map((key) => roster.isOnline(key)).filter((online) => online !== null);
    const online = presence.includes('unknown') ? 'presence unknown' : `${presence.filter(Boolean).length} online`;
    const count = `${keys.length} ${keys.length === 1 ? 'member' : 'members'}`;
    const about = [keys.length && count, presence.length && online, channel.state !== 'active' && channel.state];
    this.subtitle.textContent = about.filter(Boolean).join(' · ');
    const others = keys.filter((key) => key !== pane.identity).slice(0, MOST_FACES);
    keep(
      this.faces,
      others.map((key) => avatar(roster.nameOf(roster.members.get(key)), roster.isOnline(key), 'small')),
    );
  }
}
