// The channels of one person: a list with badges, and a banner for each invitation.

import { guarded, h, icon, keep, textButton } from './dom.js';
import { channelName } from './people.js';
import { stateMark } from './states.js';

const MOST_COUNTED = 999;

export class ChannelList {
  /** `on` is told `open(channel)` and `answer(channel, accepts)`. */
  constructor(on) {
    this.on = on;
    this.channels = new Map(); // by SID: joined and invited
    this.unread = new Map(); // by SID: how many, and the newest message that they were counted from
    this.rows = new Map(); // each belongs to an object of the present client
    this.invitations = new Map();
    this.banners = h('div', { class: 'banners' });
    this.element = h('ul', { class: 'channel-list', 'aria-label': 'Channels' });
    this.nothing = h('li', { class: 'nothing' }, 'No channels yet.');
  }

  /** The joined channels by name. */
  get joined() {
    const joined = [...this.channels.values()].filter(({ status }) => status === 'joined');
    return joined.sort((one, other) => channelName(one).localeCompare(channelName(other)));
  }

  get totalUnread() {
    return this.joined.reduce((sum, channel) => sum + this.#unreadIn(channel), 0);
  }

  /** A closed conversation takes no read reports, so its badge would stay for ever. */
  #unreadIn(channel) {
    return channel.state === 'closed' ? 0 : (this.unread.get(channel.sid)?.count ?? 0);
  }

  has(channel) {
    return this.channels.has(channel.sid);
  }

  put(channel) {
    this.channels.set(channel.sid, channel);
  }

  /** Forget a channel. If this person comes back to it, the client may have another object for it. */
  remove(channel) {
    for (const known of [this.channels, this.unread, this.rows, this.invitations]) known.delete(channel.sid);
  }

  clear() {
    for (const known of [this.channels, this.unread, this.rows, this.invitations]) known.clear();
  }

  /** Show so many unread messages of a channel. Messages up to the channel's last one are in that count. */
  setUnread(channel, count) {
    this.unread.set(channel.sid, { count, upTo: channel.lastMessage?.index ?? -1 });
  }

  /** Count one more unread message, unless the service has counted it before its push came. */
  countOn({ channel, index }) {
    const { count = 0, upTo = -1 } = this.unread.get(channel.sid) ?? {};
    if (index > upTo) this.unread.set(channel.sid, { count: count + 1, upTo });
  }

  /** Show rows and banners. A person who is not connected may have channels, so the list then does not deny it. */
  show({ openSid, isConnected }) {
    const rows = this.joined.map((channel) => this.#row(channel, channel.sid === openSid));
    keep(this.element, rows.length || !isConnected ? rows : [this.nothing]);
    const invited = [...this.channels.values()].filter(({ status }) => status === 'invited');
    keep(
      this.banners,
      invited.map((channel) => this.#banner(channel)),
    );
  }

  #row(channel, isOpen) {
    let row = this.rows.get(channel.sid);
    if (!row) {
      const button = h('button', { type: 'button', class: 'channel', on: { click: () => this.on.open(channel) } });
      row = h('li', { data: { sid: channel.sid } }, button);
      this.rows.set(channel.sid, row);
    }
    const button = row.firstChild;
    if (isOpen) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
    const count = this.#unreadIn(channel);
    keep(
      button,
      [
        icon(channel.isPrivate ? 'lock' : 'hash'),
        h('span', { class: 'channel-name', dir: 'auto' }, channelName(channel)),
        stateMark(channel),
        channel.notificationLevel === 'muted' && icon('mute'),
        count > 0 && badge(count),
      ].filter(Boolean),
    );
    return row;
  }

  #banner(channel) {
    let banner = this.invitations.get(channel.sid);
    if (!banner) {
      const answer = (label, accepts, look) =>
        textButton(
          label,
          guarded(() => this.on.answer(channel, accepts)),
          { look },
        );
      banner = h(
        'div',
        { class: 'banner', role: 'group' },
        h('p', {}, 'You are invited to ', h('strong', { dir: 'auto' }), '.'),
        answer('Accept', true, 'primary small'),
        answer('Decline', false, 'plain small'),
      );
      this.invitations.set(channel.sid, banner);
    }
    banner.setAttribute('aria-label', `Invitation to ${channelName(channel)}`);
    banner.querySelector('strong').textContent = channelName(channel);
    return banner;
  }
}

function badge(count) {
  const shown = String(Math.min(count, MOST_COUNTED));
  return h('span', { class: 'unread-badge' }, shown, h('span', { class: 'hidden' }, ' unread'));
}
