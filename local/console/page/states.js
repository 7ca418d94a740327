// The states of a conversation: how the page shows them, and why nothing can be written in some.

import { h } from './dom.js';

const NOTES = {
  closed: 'This conversation is closed. You can read it, but nothing more can be sent.',
  initializing: 'This conversation is being set up. You can write in a moment.',
};

/** Why nothing can be written in a channel; empty if something can. */
export const whyReadOnly = ({ state }) => NOTES[state] ?? '';

/** A small mark with the channel's state, or null: that a channel is active need not be said. */
export const stateMark = ({ state }) =>
  state === 'active' ? null : h('span', { class: 'channel-state', data: { state } }, state);
