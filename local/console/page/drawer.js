// The developer tools below the panes, as tabs. On a phone they fill the page.

import { h, iconButton, keep } from './dom.js';
import { sizeHandle } from './drawer_size.js';

const DEFAULT = { open: true, tool: 'events' };
const byId = (id) => document.getElementById(id);

export class Drawer {
  /** `tools` are `{ name, label, element }`. `changed(tool)` is called with the name of the visible one, or null. */
  constructor(session, tools, { isNarrow, changed }) {
    this.session = session;
    this.isNarrow = isNarrow;
    this.changed = changed;
    this.tabs = tools.map(({ name, label }) =>
      h(
        'button',
        {
          type: 'button',
          role: 'tab',
          id: `tab-${name}`,
          'aria-controls': `tool-${name}`,
          data: { tool: name },
          on: { click: () => this.#choose(name) },
        },
        label,
      ),
    );
    keep(byId('tool-tabs'), this.tabs);
    byId('tool-tabs').addEventListener('keydown', (event) => this.#onKey(event));
    byId('tool-panels').append(
      ...tools.map(({ name, element }) =>
        h('div', { id: `tool-${name}`, role: 'tabpanel', 'aria-labelledby': `tab-${name}`, class: 'tool' }, element),
      ),
    );
    this.toggleButton = iconButton('down', 'Close the tools', () => this.toggle(), {
      class: 'drawer-toggle wide-only',
    });
    byId('drawer-head').append(this.toggleButton);
    byId('drawer').prepend(sizeHandle(byId('drawer')));
  }

  toggle() {
    const { open, tool } = this.#state;
    this.#set(!open, tool);
  }

  /** Show the chosen tool. Call this again when the window becomes narrow or wide. */
  show() {
    const { open, tool } = this.#state;
    const isSeen = open || this.isNarrow();
    byId('drawer').dataset.open = String(open);
    for (const tab of this.tabs) {
      const isChosen = tab.dataset.tool === tool;
      tab.setAttribute('aria-selected', String(isChosen && isSeen));
      tab.setAttribute('tabindex', isChosen ? '0' : '-1');
      byId(`tool-${tab.dataset.tool}`).hidden = !(isChosen && isSeen);
    }
    const label = open ? 'Close the tools' : 'Open the tools';
    this.toggleButton.setAttribute('aria-label', label);
    this.toggleButton.setAttribute('aria-expanded', String(open));
    this.toggleButton.title = label;
    this.changed(isSeen ? tool : null);
  }

  get #state() {
    return this.session.values.drawer ?? DEFAULT;
  }

  #set(open, tool) {
    this.session.set({ drawer: { open, tool } });
    this.show();
  }

  /** A click on the tab of the visible tool closes the drawer, except on a phone. */
  #choose(tool) {
    const isOpen = this.#state.open && this.#state.tool === tool;
    this.#set(this.isNarrow() || !isOpen, tool);
  }

  #onKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = this.tabs.indexOf(document.activeElement);
    const next = this.tabs[(at + step + this.tabs.length) % this.tabs.length];
    next.focus();
    this.#set(true, next.dataset.tool);
  }
}
