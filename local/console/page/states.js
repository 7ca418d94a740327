// The states of a conversation: how the page shows them, and which of them take no messages.

import { h } from './dom.js';

const NOTES = {
  closed: 'This conversation is closed. You can read it, but nothing more can be sent.',
  initializing: 'This conversation is being set up. You can write in a moment.',
};

/** The reason why a channel takes no messages; empty if it takes them. */
export const whyReadOnly = ({ state }) => NOTES[state] ?? '';

/** A small mark with the channel's state; null for an active channel. */
export const stateMark = ({ state }) =>
  state === 'active' ? null : h('span', { class: 'channel-state', data: { state } }, state);
