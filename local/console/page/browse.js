// The dialog that finds a public channel among any number of them.

import { guarded, h, icon, textButton } from './dom.js';
import { openDialog } from './dialogs.js';
import { finder } from './finder.js';
import { channelName } from './people.js';

const PAGE = 100;
const FIRST_READ = 300;
const WORDS = {
  list: 'Public channels',
  filter: 'Filter channels',
  placeholder: 'Filter by name',
  things: 'channels',
  none: 'There is no such public channel.',
  empty: 'There is no public channel yet.',
};

/** The public channels that were read so far. */
class Directory {
  constructor(client) {
    this.client = client;
    this.channels = new Map(); // by SID
    this.page = null;
    this.read = 0;
  }

  get isComplete() {
    return this.page !== null && !this.page.hasNextPage;
  }

  async readOn() {
    this.page = await (this.page?.nextPage() ?? this.client.getPublicChannelDescriptors(PAGE));
    this.read += this.page.items.length;
    for (const channel of this.page.items) this.channels.set(channel.sid, channel);
  }

  /** Add the public channel with this unique name or SID, if there is one. */
  async lookUp(name) {
    // The service refuses if there is no such channel, or none that this person may see.
    const channel = await this.client.getChannelByUniqueName(name).catch(() => null);
    if (channel && !channel.isPrivate) this.channels.set(channel.sid, channel);
  }

  matching(text) {
    const words = text.toLowerCase();
    const names = (channel) => [channelName(channel).toLowerCase(), channel.uniqueName?.toLowerCase() ?? ''];
    return [...this.channels.values()].filter(
      (channel) => channel.sid === text || names(channel).some((name) => name.includes(words)),
    );
  }
}

/** Let somebody find a public channel and join it; resolves to it, or to undefined. */
export async function browseDialog(client) {
  const directory = new Directory(client);
  while (!directory.isComplete && directory.read < FIRST_READ) await directory.readOn();
  const rows = new Map();
  return openDialog('Public channels', (close, dialog) =>
    finder(directory, dialog, { row: (channel) => channelRow(rows, channel, close), words: WORDS }),
  );
}

function channelRow(rows, channel, close) {
  const look = JSON.stringify([channelName(channel), channel.status]);
  const kept = rows.get(channel.sid);
  if (kept?.dataset.look === look) return kept;
  const join = guarded(async () => close(await channel.join()));
  const row = h(
    'li',
    { data: { look } },
    icon('hash'),
    h(
      'span',
      { class: 'person' },
      h('strong', {}, channelName(channel)),
      channel.createdBy && h('small', {}, `by ${channel.createdBy}`),
    ),
    channel.status === 'joined'
      ? h('small', {}, 'joined')
      : textButton('Join', join, { look: 'primary small', 'aria-label': `Join ${channelName(channel)}` }),
  );
  rows.set(channel.sid, row);
  return row;
}
