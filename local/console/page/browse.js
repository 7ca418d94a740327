// The dialog that finds a public channel among any number of them.

import { debounce, explain, guarded, h, icon, keep, textButton } from './dom.js';
import { openDialog } from './dialogs.js';
import { channelName } from './people.js';

const PAGE = 100;
const FIRST_READ = 300;
const READ_AT_ONCE = 3000;
const MOST_SHOWN = 200;
const TYPING_MILLISECONDS = 250;

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
  return openDialog('Public channels', (close, dialog) => build(directory, close, dialog));
}

function build(directory, close, dialog) {
  const list = h('ul', { class: 'people', 'aria-label': 'Public channels' });
  const state = h('p', { class: 'hint', role: 'status' });
  const further = textButton('Look further', () => readUpTo(directory.read + READ_AT_ONCE), { look: 'link' });
  const filter = h('input', {
    type: 'search',
    placeholder: 'Filter by name',
    'aria-label': 'Filter channels',
    on: { input: () => onInput() },
  });
  const rows = new Map();
  let wanted = directory.read;
  let isReading = false;
  let problem = '';

  const show = () => {
    const text = filter.value.trim();
    const found = directory.matching(text);
    const { isComplete } = directory;
    const nothing = text ? 'There is no such public channel.' : 'There is no public channel yet.';
    const shown = found.slice(0, MOST_SHOWN).map((channel) => channelRow(rows, channel, close));
    if (isComplete && shown.length === 0) shown.push(h('li', { class: 'nothing' }, nothing));
    keep(list, shown);
    const words = [
      found.length > MOST_SHOWN && `The first ${MOST_SHOWN} of ${found.length} are shown.`,
      found.length === 0 && !isComplete && 'Nothing yet.',
      !isComplete && `The search has read ${directory.read} channels; there are more.`,
      problem,
    ];
    state.textContent = words.filter(Boolean).join(' ');
    if (isComplete && document.activeElement === further) filter.focus();
    further.hidden = isComplete;
  };
  const readUpTo = async (number) => {
    wanted = number;
    if (isReading) return;
    isReading = true;
    problem = '';
    try {
      while (!directory.isComplete && directory.read < wanted && dialog.open) {
        await directory.readOn();
        show();
      }
    } catch (error) {
      problem = explain(error);
    }
    isReading = false;
    show();
  };
  const lookUp = debounce(async () => {
    const text = filter.value.trim();
    if (!text || directory.isComplete) return;
    await directory.lookUp(text);
    show();
  }, TYPING_MILLISECONDS);
  const onInput = () => {
    show();
    lookUp();
    readUpTo(filter.value.trim() ? directory.read + READ_AT_ONCE : 0);
  };

  show();
  return h('div', { class: 'stacked' }, filter, list, h('div', { class: 'found' }, state, further));
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
