// The field to write in: Enter sends, Shift and Enter begin a new line, Escape cancels an edit. Files are chosen with a
// button or pasted.

import { Tray, acceptPastes } from './attachments.js';
import { h, icon, iconButton, textButton } from './dom.js';

const MOST_PIXELS = 140;

export class Composer {
  /**
   * `on` is told `send(text, files)`, `edit(message, text)`, `editing(message or null)` and `typing()`, and is asked for
   * `lastOwn()`, the message that ↑ edits, and for `toMessages()`, which goes to the messages if there are any.
   */
  constructor(identity, on) {
    this.on = on;
    this.editing = null;
    this.field = h('textarea', {
      rows: '1',
      dir: 'auto',
      'aria-label': `Message as ${identity}`,
      placeholder: `Message as ${identity}`,
      enterkeyhint: 'send',
      on: { keydown: (event) => this.#onKey(event), input: () => this.#onInput() },
    });
    this.tray = new Tray(() => {});
    const chooser = h('input', { type: 'file', multiple: true, hidden: true, 'aria-label': 'Files' });
    chooser.addEventListener('change', () => {
      this.attach([...chooser.files]);
      chooser.value = ''; // The same file may be chosen again.
    });
    this.clip = iconButton('clip', 'Attach files', () => chooser.click(), { class: 'attach' });
    acceptPastes(this.field, (files) => this.attach(files));
    const send = h(
      'button',
      { type: 'submit', class: 'icon-button send', 'aria-label': 'Send', title: 'Send (Enter)' },
      icon('send'),
    );
    this.bar = h(
      'div',
      { class: 'edit-bar', hidden: true },
      h('span', {}, 'Editing your message'),
      textButton('Cancel', () => this.#cancel(), { look: 'link' }),
    );
    this.row = h('div', { class: 'composer-row' }, this.clip, chooser, this.field, send);
    this.note = h('p', { class: 'read-only', tabindex: '-1', hidden: true });
    this.element = h('form', { class: 'composer' }, this.bar, this.tray.element, this.row, this.note);
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  focus() {
    (this.note.hidden ? this.field : this.note).focus();
  }

  /** Show a note in place of the field; without a note, show the field. The new one takes over the focus. */
  replaceWith(note) {
    if (note === this.note.textContent) return;
    const hadFocus = this.element.contains(document.activeElement);
    if (note && this.editing !== null) this.stopEditing();
    this.note.textContent = note;
    this.note.hidden = !note;
    this.row.hidden = Boolean(note);
    if (hadFocus) this.focus();
  }

  /** Add files to the message that is being written. A message that is being edited cannot have more. */
  attach(files) {
    if (!this.note.hidden || files.length === 0) return;
    if (this.editing !== null) this.stopEditing();
    this.tray.add(files);
    this.focus();
  }

  startEditing(message) {
    this.editing = message;
    this.bar.hidden = false;
    this.clip.hidden = true;
    this.#fill(message.body);
    this.focus();
    this.on.editing(message);
  }

  stopEditing() {
    this.editing = null;
    this.bar.hidden = true;
    this.clip.hidden = false;
    this.#fill('');
    this.on.editing(null);
  }

  #cancel() {
    this.stopEditing();
    this.focus();
  }

  #fill(text) {
    this.field.value = text;
    this.#grow();
  }

  #grow() {
    this.field.style.height = 'auto';
    this.field.style.height = `${Math.min(this.field.scrollHeight, MOST_PIXELS)}px`;
  }

  #onInput() {
    this.#grow();
    if (this.field.value && this.editing === null) this.on.typing();
  }

  #onKey(event) {
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === 'Escape' && this.editing !== null) {
      event.preventDefault();
      this.#cancel();
    } else if (event.key === 'Tab' && event.shiftKey) {
      // The buttons of the field and of the message lie between, so Tab alone would take several presses.
      if (this.on.toMessages()) event.preventDefault();
    } else if (event.key === 'ArrowUp' && this.field.value === '') {
      const last = this.on.lastOwn();
      if (!last) return;
      event.preventDefault();
      this.startEditing(last);
    }
  }

  #submit() {
    const text = this.field.value.trim();
    const { editing } = this;
    if (editing === null) {
      if (!text && this.tray.files.length === 0) return;
      this.#fill('');
      this.on.send(text, this.tray.take());
    } else if (text) {
      this.stopEditing();
      if (editing.body !== text) this.on.edit(editing, text);
    }
  }
}
