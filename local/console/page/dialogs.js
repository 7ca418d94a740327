// Modal dialogs. The native element keeps the focus inside, closes with Escape and gives the focus back.

import { h, iconButton } from './dom.js';
import { makeForm } from './forms.js';

let count = 0;

/** Open a dialog with what `build(close, dialog)` makes; resolves, when it is closed, to what `close` was given. */
export function openDialog(title, build, look = '') {
  const id = `dialog-${(count += 1)}`;
  const dialog = h('dialog', { 'aria-labelledby': id, class: look });
  return new Promise((resolve) => {
    let result;
    const close = (value) => {
      result = value;
      dialog.close();
    };
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(result);
    });
    // A click beside the dialog closes it.
    dialog.addEventListener('mousedown', (event) => event.target === dialog && close());
    const head = h(
      'header',
      {},
      h('h2', { id }, title),
      iconButton('close', 'Close', () => close()),
    );
    dialog.append(h('div', { class: 'dialog-body' }, head, build(close, dialog)));
    document.body.append(dialog);
    dialog.showModal();
    const first = dialog.querySelector('[autofocus]') ?? dialog.querySelector('input, select, textarea');
    first?.focus();
    // Whoever wants another name than the suggested one types over it.
    if (first?.matches('input[type=text]')) first.select();
  });
}

/** Ask for values in a dialog; resolves to what `act` returned, or undefined if it was closed. */
export function askForm(title, options) {
  return openDialog(title, (close) => makeForm({ ...options, done: close, cancel: () => close() }));
}

/** Ask whether to do something that cannot be undone. */
export function confirmDialog(title, note, submit, act) {
  return askForm(title, { note, submit, look: 'danger', act });
}
