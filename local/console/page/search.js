// The dialog that searches one channel. The service has no search, so the page reads the messages, newest first, and
// looks through them itself.

import { h } from './dom.js';
import { openDialog } from './dialogs.js';
import { finder } from './finder.js';

const PAGE = 100;
const AROUND = 60;
const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const WORDS = {
  list: 'Messages',
  filter: 'Search the messages',
  placeholder: 'Words in a message, or who wrote it',
  things: 'messages',
  none: 'No message has these words.',
  empty: 'There are no messages yet.',
};

/** The messages of a channel that were read so far, newest first. */
class Archive {
  constructor(channel) {
    this.channel = channel;
    this.messages = [];
    this.page = null;
    this.read = 0;
  }

  get isComplete() {
    return this.page !== null && !this.page.hasPrevPage;
  }

  async readOn() {
    this.page = await (this.page?.prevPage() ?? this.channel.getMessages(PAGE));
    this.read += this.page.items.length;
    this.messages.push(...this.page.items.toReversed());
  }

  matching(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const written = ({ author, body, attachedMedia }) =>
      [author, body, ...attachedMedia.map(({ filename }) => filename)].filter(Boolean).join(' ').toLowerCase();
    return this.messages.filter((message) => words.every((word) => written(message).includes(word)));
  }
}

/** Let somebody find a message; the conversation then shows it. */
export async function searchDialog(conversation) {
  const archive = new Archive(conversation.channel);
  await archive.readOn();
  const index = await openDialog('Search messages', (close, dialog) =>
    finder(archive, dialog, { row: (message, text) => row(message, text, close), words: WORDS }),
  );
  if (index !== undefined) await conversation.reveal(index);
}

function row(message, text, close) {
  const date = message.dateCreated;
  const body = message.body ?? message.attachedMedia.map(({ filename }) => filename ?? 'a file').join(', ');
  return h(
    'li',
    {},
    h(
      'button',
      { type: 'button', class: 'found-message', on: { click: () => close(message.index) } },
      h('small', {}, `${message.author} · `, h('time', { datetime: date.toISOString() }, when.format(date))),
      h('span', {}, marked(excerpt(body, text), text)),
    ),
  );
}

/** The part of a text around the first word that is looked for. */
function excerpt(body, text) {
  const [word = ''] = text.toLowerCase().split(/\s+/);
  const at = Math.max(0, body.toLowerCase().indexOf(word));
  const from = Math.max(0, at - AROUND);
  const to = at + word.length + AROUND * 2;
  return `${from > 0 ? '…' : ''}${body.slice(from, to)}${to < body.length ? '…' : ''}`;
}

/** A text as nodes in which the words that are looked for are marked. */
function marked(body, text) {
  const words = text.split(/\s+/).filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  if (words.length === 0) return [body];
  return body.split(new RegExp(`(${words.join('|')})`, 'gi')).map((part, at) => (at % 2 ? h('mark', {}, part) : part));
}
