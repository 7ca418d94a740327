// The dialog that explains the keys.

import { h } from './dom.js';
import { openDialog } from './dialogs.js';

const KEYS = [
  ['Enter', 'send the message, or save the edit'],
  ['Shift + Enter', 'new line'],
  ['↑ in an empty field', 'edit your last message'],
  ['Shift + Tab from the field', 'to the messages; ↑ and ↓ go through them'],
  ['E, A, Delete', 'on a message: edit it, edit its attributes, or delete it'],
  ['Escape', 'stop editing; close a dialog; back to the field'],
  ['Alt + 1 … 4', 'go to a person'],
  ['Alt + E', 'open or close the tools'],
  ['↑ ↓ on the upper edge of the tools', 'make them larger or smaller'],
];
const READING =
  'Messages count as read by the person whose pane you are in. A click into another pane makes that person the reader.';

export function helpDialog() {
  const rows = KEYS.flatMap(([keys, does]) => [h('dt', {}, h('kbd', {}, keys)), h('dd', {}, does)]);
  return openDialog('Keyboard', () =>
    h('div', { class: 'stacked' }, h('dl', { class: 'keys' }, rows), h('p', { class: 'note' }, READING)),
  );
}
